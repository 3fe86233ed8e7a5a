//! Values that never show in logs, help or `Debug`, and keys made from them.

use std::{convert::Infallible, fmt, str::FromStr};

use aws_lc_rs::hkdf;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{Misconfigured, StoreArgs};

/// Text that must not be seen: a key, or a URL with a password in it.
///
/// Its parser takes everything, so that the parser's own errors, which quote
/// what was given, never quote a secret.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself, for the one who needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// 256 random bits, in text.
    #[must_use]
    pub fn random() -> Self {
        Self(Zeroizing::new(store::Keys::token()))
    }

    /// The SHA-256 of the text, in hex: what the other side keeps of a key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        hex::encode(digest)
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(given: &str) -> Result<Self, Infallible> {
        Ok(Self(Zeroizing::new(given.trim().to_owned())))
    }
}

impl From<&str> for Secret {
    fn from(given: &str) -> Self {
        Self(Zeroizing::new(given.trim().to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The 32 bytes from which every key of a service comes.
#[derive(Clone)]
pub struct Root(Zeroizing<[u8; 32]>);

impl Root {
    /// Reads the secret that the flags name. Refused where it is missing, not
    /// base64, or not 32 bytes long.
    pub fn read(args: &StoreArgs) -> Result<Self, Misconfigured> {
        let bad = |why: &str| Misconfigured::new("--secret (USHER_SECRET) or --secret-file", why);
        let text = match (&args.secret, &args.secret_file) {
            (Some(secret), _) => secret.clone(),
            (None, Some(path)) => std::fs::read_to_string(path)
                .map(|text| Secret::from(text.as_str()))
                .map_err(|error| {
                    Misconfigured::new(
                        "--secret-file (USHER_SECRET_FILE)",
                        format!("cannot read {}: {error}", path.display()),
                    )
                })?,
            (None, None) => {
                return Err(bad(
                    "is missing. Make one: head -c 32 /dev/urandom | base64",
                ));
            }
        };
        let bytes = STANDARD
            .decode(text.reveal())
            .map(Zeroizing::new)
            .map_err(|_| bad("is not base64. Make one: head -c 32 /dev/urandom | base64"))?;
        let root = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
            bad("is not 32 bytes in base64. Make one: head -c 32 /dev/urandom | base64")
        })?;
        Ok(Self(Zeroizing::new(root)))
    }

    /// The root of one service where several share this one: HKDF-SHA256
    /// (RFC 5869) with the service's name.
    pub fn of_service(&self, service: &str) -> Result<Self, rpc::Error> {
        let fault = |_| rpc::Error::fault("deriving a service's secret failed");
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"usher service secret");
        let info = [service.as_bytes()];
        let mut derived = Zeroizing::new([0; 32]);
        salt.extract(self.0.as_slice())
            .expand(&info, hkdf::HKDF_SHA256)
            .map_err(fault)?
            .fill(derived.as_mut_slice())
            .map_err(fault)?;
        Ok(Self(derived))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Root, Secret};

    #[test]
    fn a_secret_does_not_show() {
        let secret = Secret::from("canary");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("canary"));
    }

    #[test]
    fn services_that_share_a_secret_have_different_ones() {
        let root = Root(zeroize::Zeroizing::new([7; 32]));
        let of = |name: &str| *root.of_service(name).expect("derived").bytes();
        assert_eq!(of("identity"), of("identity"));
        assert_ne!(of("identity"), of("importer"));
        assert_ne!(of("identity"), *root.bytes());
    }
}

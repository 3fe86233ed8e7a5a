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

/// The secrets that open the root key of a service, newest first.
#[derive(Clone)]
pub struct Root(Vec<store::Secret>);

impl Root {
    /// Reads the secrets that the flags name. Refused where there is none, or
    /// one is not base64, or not 32 bytes long.
    pub fn read(args: &StoreArgs) -> Result<Self, Misconfigured> {
        match (&args.secret, &args.secret_file) {
            (Some(secrets), _) => secrets.reveal().parse(),
            (None, Some(path)) => std::fs::read_to_string(path)
                .map(Zeroizing::new)
                .map_err(|error| {
                    Misconfigured::new(
                        "--secret-file (USHER_SECRET_FILE)",
                        format!("cannot read {}: {error}", path.display()),
                    )
                })?
                .parse(),
            (None, None) => "".parse(),
        }
    }

    /// The secrets of one service where several share these: HKDF-SHA256
    /// (RFC 5869) with the service's name.
    pub fn of_service(&self, service: &str) -> Result<Self, rpc::Error> {
        let derived = self.0.iter().map(|secret| derived(secret, service));
        Ok(Self(derived.collect::<Result<_, _>>()?))
    }

    /// The secrets.
    #[must_use]
    pub fn secrets(&self) -> &[store::Secret] {
        &self.0
    }
}

/// Secrets in base64, with commas or lines between them.
impl FromStr for Root {
    type Err = Misconfigured;

    fn from_str(given: &str) -> Result<Self, Misconfigured> {
        let bad = |why: &str| {
            Misconfigured::new(
                "--secret (USHER_SECRET) or --secret-file",
                format!("{why}. Make one: head -c 32 /dev/urandom | base64"),
            )
        };
        let words = given.split([',', '\n']).map(str::trim);
        let secrets = words.filter(|word| !word.is_empty()).map(|word| {
            let bytes = STANDARD.decode(word).map(Zeroizing::new);
            let bytes = bytes.map_err(|_| bad("is not base64"))?;
            <[u8; 32]>::try_from(bytes.as_slice())
                .map(Zeroizing::new)
                .map_err(|_| bad("is not 32 bytes in base64"))
        });
        let secrets: Vec<_> = secrets.collect::<Result<_, _>>()?;
        if secrets.is_empty() {
            return Err(bad("is missing"));
        }
        Ok(Self(secrets))
    }
}

fn derived(secret: &store::Secret, service: &str) -> Result<store::Secret, rpc::Error> {
    let fault = |_| rpc::Error::fault("deriving a service's secret failed");
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"usher service secret");
    let info = [service.as_bytes()];
    let mut derived = store::Secret::default();
    salt.extract(secret.as_slice())
        .expand(&info, hkdf::HKDF_SHA256)
        .map_err(fault)?
        .fill(derived.as_mut_slice())
        .map_err(fault)?;
    Ok(derived)
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{Root, Secret};

    #[test]
    fn a_secret_does_not_show() {
        let secret = Secret::from("canary");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("canary"));
    }

    /// 32 times the same byte, in base64.
    fn secret(byte: u8) -> String {
        super::STANDARD.encode([byte; 32])
    }

    #[test]
    fn services_that_share_a_secret_have_different_ones() {
        let root: Root = secret(7).parse().expect("a secret");
        let of = |name: &str| *root.of_service(name).expect("derived").secrets()[0];
        assert_eq!(of("identity"), of("identity"));
        assert_ne!(of("identity"), of("importer"));
        assert_ne!(of("identity"), *root.secrets()[0]);
    }

    #[test]
    fn secrets_are_given_newest_first_in_a_line_or_in_lines() {
        let (new, former) = (secret(2), secret(1));
        for given in [format!("{new},{former}"), format!(" {new}\n{former}\n")] {
            let root: Root = given.parse().expect("two secrets");
            let bytes: Vec<_> = root.secrets().iter().map(|secret| secret[0]).collect();
            assert_eq!(bytes, [2, 1]);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_quoted() {
        let short = super::STANDARD.encode([7; 31]);
        for given in [
            "",
            " , ",
            "canary!",
            &short,
            &format!("{},canary!", secret(1)),
        ] {
            let problem = given.parse::<Root>().expect_err(given).to_string();
            assert!(problem.contains("head -c 32"), "{problem}");
            assert!(!problem.contains("canary") && !problem.contains(&short));
        }
    }
}

//! The keys by which services prove themselves, as far as identity knows them:
//! by their SHA-256, because they are random and long.

use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use subtle::{Choice, ConstantTimeEq as _};

/// A service and the SHA-256 of one of its keys: `invitation=<64 hex digits>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceKey {
    service: String,
    sha256: [u8; 32],
}

impl FromStr for ServiceKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, digits) = text
            .trim()
            .split_once('=')
            .ok_or("give <service>=<SHA-256 of its key in hex>")?;
        let mut sha256 = [0; 32];
        hex::decode_to_slice(digits.trim(), &mut sha256)
            .map_err(|_| format!("the SHA-256 of {service}'s key is 64 hex digits"))?;
        Ok(ServiceKey {
            service: service.trim().to_owned(),
            sha256,
        })
    }
}

/// All configured keys. A service may have two while its key is changed.
#[derive(Clone, Debug)]
pub struct ServiceKeys(Vec<ServiceKey>);

impl ServiceKeys {
    /// The keys of a configuration.
    pub fn new(keys: Vec<ServiceKey>) -> Self {
        Self(keys)
    }

    /// Whether a key is one of the service's. Takes as long for every key.
    pub fn knows(&self, service: &str, key: &str) -> bool {
        let given = digest(&SHA256, key.as_bytes());
        let known = self.0.iter().fold(Choice::from(0), |known, one| {
            known
                | (one.sha256.as_slice().ct_eq(given.as_ref())
                    & Choice::from(u8::from(one.service == service)))
        });
        known.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(service: &str, key: &str) -> ServiceKey {
        let text = format!("{service}={}", hex::encode(digest(&SHA256, key.as_bytes())));
        text.parse().expect("it has the form")
    }

    #[test]
    fn a_key_is_good_for_its_service_only() {
        let keys = ServiceKeys::new(vec![
            key("invitation", "old"),
            key("invitation", "new"),
            key("importer", "other"),
        ]);
        assert!(keys.knows("invitation", "old"));
        assert!(keys.knows("invitation", "new"));
        assert!(keys.knows("importer", "other"));
        assert!(!keys.knows("invitation", "other"));
        assert!(!keys.knows("gateway", "old"));
        assert!(!keys.knows("invitation", ""));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "invitation",
            "invitation=",
            "invitation=12",
            "invitation=zz",
        ] {
            assert!(bad.parse::<ServiceKey>().is_err(), "{bad}");
        }
    }
}

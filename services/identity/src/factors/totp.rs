//! Time-based one-time codes: RFC 6238 with SHA-1, six digits and 30 seconds,
//! which is what authenticators can do.

use rpc::Error;
use totp_rs::{Builder, Secret};

const STEP: u64 = 30;

/// A fresh secret of 160 bits (RFC 4226, section 4).
pub fn secret() -> Secret {
    Secret::generate()
}

/// The step whose code this is, at a time in Unix seconds. One step earlier
/// and later is taken too, for clocks that differ and people who type slowly
/// (RFC 6238, section 5.2).
pub fn step_of(secret: &[u8], code: &str, now: i64) -> Result<Option<i64>, Error> {
    let totp = builder(secret).build()?;
    let Ok(now) = u64::try_from(now) else {
        return Ok(None);
    };
    Ok(totp
        .check(code, now)
        .and_then(|step| i64::try_from(step).ok()))
}

/// The secret as an otpauth URI, for a QR image.
pub fn uri(secret: &[u8], issuer: &str, account: &str) -> Result<String, Error> {
    // A colon separates the two in the URI, so neither can have one.
    let plain = |text: &str| text.replace(':', " ");
    let totp = builder(secret)
        .with_issuer(Some(plain(issuer)))
        .with_account_name(plain(account))
        .build()?;
    Ok(totp.to_url()?)
}

fn builder(secret: &[u8]) -> Builder {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(STEP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The secret of the test vectors of RFC 6238, appendix B.
    const RFC: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ];
        for (time, code) in vectors {
            assert_eq!(
                step_of(RFC, code, time).expect("it checks"),
                Some(time / 30),
                "{time}"
            );
            assert_eq!(
                step_of(RFC, code, time + 30).expect("it checks"),
                Some(time / 30),
                "{time} late"
            );
            assert_eq!(
                step_of(RFC, code, time + 60).expect("it checks"),
                None,
                "{time} too late"
            );
        }
    }

    #[test]
    fn the_uri_names_tenant_and_user() {
        let uri = uri(RFC, "Acme: GmbH", "ada@example.org").expect("it is made");
        assert!(uri.starts_with("otpauth://totp/"), "{uri}");
        assert!(uri.contains("issuer=Acme%20%20GmbH"), "{uri}");
        assert!(
            uri.contains("ada%40example.org") || uri.contains("ada@example.org"),
            "{uri}"
        );
    }

    proptest! {
        #[test]
        fn what_is_no_code_is_refused(code in "\\PC{0,8}", now in 0i64..4_000_000_000) {
            let step = step_of(RFC, &code, now).expect("it answers");
            prop_assert!(step.is_none_or(|step| (step - now / 30).abs() <= 1));
            prop_assert!(code.len() == 6 || step.is_none());
        }
    }
}

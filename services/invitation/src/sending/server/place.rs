//! Where the mail server is, and how it is spoken to: the URL of the flags.

use lettre::transport::smtp::{
    SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT, authentication::Credentials,
};
use percent_encoding::percent_decode_str;
use url::Url;

/// Where, and how safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Not at all.
    None,
    /// By STARTTLS where the server offers it.
    Opportunistic,
    /// By STARTTLS, or nothing is sent.
    Required,
    /// From the first byte (RFC 8314).
    Wrapped,
}

/// Reads the URL. What is wrong with it is said without quoting it.
pub(super) fn read(url: &str) -> Result<(Place, Option<Credentials>), String> {
    let url = Url::parse(url).map_err(|error| format!("is no URL: {error}"))?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or("names no host")?;
    let tls = url
        .query_pairs()
        .find(|(name, _)| name == "tls")
        .map(|(_, value)| value.into_owned());
    let login = login(&url)?;
    let security = match (url.scheme(), tls.as_deref(), &login) {
        ("smtps", None, _) => Security::Wrapped,
        ("smtp", Some("required"), _) | ("smtp", None, Some(_)) => Security::Required,
        ("smtp", Some("opportunistic"), _) | ("smtp", None, None) => Security::Opportunistic,
        ("smtp", Some("none"), _) => Security::None,
        _ => {
            return Err(
                "must be smtp://…, with tls=required, opportunistic or none, or smtps://…".into(),
            );
        }
    };
    let standard = match (security, &login) {
        (Security::Wrapped, _) => SUBMISSIONS_PORT,
        (Security::Required, _) | (_, Some(_)) => SUBMISSION_PORT,
        (Security::None | Security::Opportunistic, None) => SMTP_PORT,
    };
    // An IPv6 address stands in brackets in a URL, and in none elsewhere.
    let host = host.trim_matches(['[', ']']).to_owned();
    Ok((
        Place {
            host,
            port: url.port().unwrap_or(standard),
            security,
        },
        login,
    ))
}

fn login(url: &Url) -> Result<Option<Credentials>, String> {
    let Some(password) = url.password() else {
        return Ok(None);
    };
    let plain = |text| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| "holds a user or password that is not UTF-8".to_owned())
    };
    Ok(Some(Credentials::new(
        plain(url.username())?,
        plain(password)?,
    )))
}

#[cfg(test)]
mod tests {
    use super::{Security, read};

    #[test]
    fn what_a_url_means() {
        let means = |url: &str| {
            let (place, login) = read(url).expect(url);
            (place.host, place.port, place.security, login.is_some())
        };
        assert_eq!(
            means("smtp://127.0.0.1:2525"),
            ("127.0.0.1".into(), 2525, Security::Opportunistic, false)
        );
        assert_eq!(
            means("smtp://[::1]:2525?tls=none"),
            ("::1".into(), 2525, Security::None, false)
        );
        assert_eq!(
            means("smtp://mail.test"),
            ("mail.test".into(), 25, Security::Opportunistic, false)
        );
        assert_eq!(
            means("smtp://mail.test?tls=required"),
            ("mail.test".into(), 587, Security::Required, false)
        );
        assert_eq!(
            means("smtps://me:p%40ss@mail.test"),
            ("mail.test".into(), 465, Security::Wrapped, true)
        );
        // A password never crosses the network in the clear by an oversight.
        assert_eq!(
            means("smtp://me:pass@mail.test"),
            ("mail.test".into(), 587, Security::Required, true)
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for bad in [
            "smtp://me:hunter2@mail.test?tls=maybe",
            "http://me:hunter2@mail.test",
            "me:hunter2@mail.test",
        ] {
            let why = read(bad).expect_err(bad);
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}

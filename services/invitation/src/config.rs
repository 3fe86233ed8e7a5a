//! What only this service can be told.

use std::{fmt, str::FromStr};

use boot::Secret;
use lettre::message::Mailbox;

/// The flags of the invitation service.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Mail")]
#[group(skip)]
pub struct Config {
    /// The mail server: `smtp://user:password@host:587?tls=required`, or
    /// `smtps://` for TLS from the first byte. `tls` is `required`,
    /// `opportunistic` or `none`; unset, it is required where there is a
    /// password and opportunistic otherwise
    #[arg(long, env = "USHER_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Secret,
    /// Whom mails come from, such as `Usher <no-reply@example.org>`
    #[arg(long, env = "USHER_MAIL_FROM")]
    pub mail_from: Mailbox,
    /// Where the links in mails lead, such as `https://usher.example.org`.
    /// Links are made from nothing else, whatever a request says
    #[arg(long, env = "USHER_LINK_BASE")]
    pub link_base: LinkBase,
    /// How many mails are sent at a time
    #[arg(long, env = "USHER_MAIL_WORKERS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub mail_workers: u16,
}

/// The origin, and maybe a path, under which people reach the pages for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkBase(String);

impl LinkBase {
    /// A link to a page, with a secret. The secret is in the fragment, which
    /// browsers send to no server: it gets into no access log, no proxy and no
    /// `Referer`.
    #[must_use]
    pub fn link(&self, page: &str, token: &str) -> String {
        format!("{}/{page}#{token}", self.0)
    }
}

impl FromStr for LinkBase {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let url = url::Url::parse(given).map_err(|error| error.to_string())?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err("give an https:// or http:// address".into());
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err("give an address without user, query and fragment".into());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for LinkBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::LinkBase;

    #[test]
    fn a_link_keeps_its_secret_from_servers() {
        let base: LinkBase = "https://usher.example.org/people/".parse().expect("a base");
        assert_eq!(
            base.link("invitation", "uit_abc"),
            "https://usher.example.org/people/invitation#uit_abc"
        );
    }

    #[test]
    fn only_plain_web_addresses_are_taken() {
        for bad in [
            "usher.example.org",
            "ftp://usher.example.org",
            "https://",
            "https://me:pw@usher.example.org",
            "https://usher.example.org/?to=https://evil.example",
            "https://usher.example.org/#here",
            "javascript:alert(1)",
        ] {
            assert!(bad.parse::<LinkBase>().is_err(), "{bad}");
        }
    }
}

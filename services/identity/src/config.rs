//! What identity can be told, beside what every service can.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use boot::Secret;
use clap::Args;
use rpc::Error;

use crate::{breached::Breached, tokens::service_keys::ServiceKey};

/// The flags of identity.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Identity")]
#[group(skip)]
pub struct Config {
    /// The secret with which `usherctl bootstrap` makes the first operator, 16
    /// characters or more. Unset: nobody can
    #[arg(long, env = "USHER_BOOTSTRAP_TOKEN", hide_env_values = true)]
    pub bootstrap_token: Option<Secret>,
    /// The services that may prove themselves, each with the SHA-256 of its
    /// key in hex: `invitation=<hex>,importer=<hex>`. A service may be named
    /// twice while its key is changed
    #[arg(long, env = "USHER_SERVICE_KEYS", value_delimiter = ',')]
    pub service_keys: Vec<ServiceKey>,
    /// The issuer of access tokens (`iss`), as other systems know it, such as
    /// `https://id.example.com`
    #[arg(long, env = "USHER_TOKEN_ISSUER", default_value = "usher")]
    pub token_issuer: String,
    /// The audience of access tokens (`aud`): the systems that take them. Never
    /// `usher`, which takes none
    #[arg(long, env = "USHER_TOKEN_AUDIENCE", default_value = "usher-clients", value_parser = audience)]
    pub token_audience: String,
    /// Threads that hash passwords, each with 19 MiB of its own. They give way
    /// to all other work. 0: as many as there are cores
    #[arg(long, env = "USHER_HASH_THREADS", default_value_t = 0)]
    pub hash_threads: usize,
    /// Milliseconds that a login waits for its password to be hashed before it
    /// is refused with `TOO_MANY_LOGINS`
    #[arg(long, env = "USHER_LOGIN_WAIT_MS", default_value_t = 2000)]
    pub login_wait_ms: u64,
    /// The version of the key under which passwords are hashed. Raised by one,
    /// every password is hashed anew, under a new key, at its next login
    #[arg(long, env = "USHER_PASSWORD_KEY_VERSION", default_value_t = 1, value_parser = clap::value_parser!(i16).range(1..))]
    pub password_key_version: i16,
    /// Passwords known from breaches, which nobody can choose: a file that
    /// `usherctl breached-passwords build` made. Unset: none are known
    #[arg(long, env = "USHER_BREACHED_PASSWORDS", value_name = "FILE")]
    pub breached_passwords: Option<PathBuf>,
    /// Where codes by SMS go: the address of a provider that takes a POST of
    /// `{"to": "+49…", "text": "…"}`, such as `https://sms.example.org/send`.
    /// Unset: no codes are sent, whatever the tenants allow
    #[arg(long, env = "USHER_SMS_URL")]
    pub sms_url: Option<SmsUrl>,
    /// What the provider is sent as `authorization`, such as `Bearer …`
    #[arg(long, env = "USHER_SMS_AUTHORIZATION", hide_env_values = true)]
    pub sms_authorization: Option<Secret>,
    /// Seconds from one checkpoint of each audit trail to the next
    #[arg(long, env = "USHER_AUDIT_CHECKPOINT_SECONDS", default_value_t = 600)]
    pub audit_checkpoint_seconds: u64,
    /// The file to which each checkpoint is added as a line, for `usherctl audit
    /// verify`. Keep it where nobody who can write to Postgres can. They are in
    /// the log too
    #[arg(long, env = "USHER_AUDIT_CHECKPOINT_FILE")]
    pub audit_checkpoint_file: Option<PathBuf>,
    /// The DNS server that is asked for the proofs of domains, as
    /// `address:port`. Unset: those of the machine
    #[arg(long, env = "USHER_DNS_RESOLVER")]
    pub dns_resolver: Option<SocketAddr>,
}

/// The address of an SMS provider.
#[derive(Clone, Debug)]
pub struct SmsUrl(pub http::Uri);

impl FromStr for SmsUrl {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let url: http::Uri = given.parse().map_err(|_| "not an address".to_owned())?;
        let plain = url.authority().is_some_and(|at| !at.as_str().contains('@'));
        if matches!(url.scheme_str(), Some("https" | "http")) && plain {
            Ok(Self(url))
        } else {
            Err("give an https:// or http:// address without a user".to_owned())
        }
    }
}

fn audience(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("name an audience".into()),
        rpc::verify::ISSUER => Err("the suite itself takes no access tokens".into()),
        given => Ok(given.to_owned()),
    }
}

impl Config {
    pub(crate) fn hash_threads(&self) -> usize {
        match self.hash_threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            given => given,
        }
    }

    pub(crate) fn audit_checkpoint_every(&self) -> Duration {
        Duration::from_secs(self.audit_checkpoint_seconds.max(1))
    }

    pub(crate) fn breached(&self) -> Result<Arc<Breached>, Error> {
        let Some(path) = &self.breached_passwords else {
            return Ok(Arc::default());
        };
        let opened = Breached::open(path).map_err(|error| {
            let path = path.display();
            Error::fault(format!(
                "--breached-passwords (USHER_BREACHED_PASSWORDS) {path}: {error}"
            ))
        });
        Ok(Arc::new(opened?))
    }

    pub(crate) fn login_wait(&self) -> Duration {
        Duration::from_millis(self.login_wait_ms)
    }
}

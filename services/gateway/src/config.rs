//! What the gateway can be told.

use clap::Args;
use ipnet::IpNet;

use crate::limit::Rate;

/// The gateway's own flags.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Gateway")]
#[group(skip)]
pub struct Config {
    /// Networks of the proxies before this gateway, such as
    /// `10.0.0.0/8,fd00::/8`. Only they are believed about the address of the
    /// client (x-forwarded-for)
    #[arg(long, env = "USHER_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpNet>,
    /// Calls per second that one caller may make in the long run
    #[arg(long, env = "USHER_RATE_PER_SECOND", default_value_t = 500, value_parser = positive())]
    pub rate_per_second: u32,
    /// Calls that one caller may make at once after a rest
    #[arg(long, env = "USHER_RATE_BURST", default_value_t = 1000, value_parser = positive())]
    pub rate_burst: u32,
    /// Logins, mails asked for and the like that one address may try per
    /// minute in the long run, all its users together
    #[arg(long, env = "USHER_ATTEMPTS_PER_MINUTE", default_value_t = 300, value_parser = positive())]
    pub attempts_per_minute: u32,
    /// The same at once after a rest
    #[arg(long, env = "USHER_ATTEMPTS_BURST", default_value_t = 100, value_parser = positive())]
    pub attempts_burst: u32,
}

impl Config {
    /// The rate of a caller.
    #[must_use]
    pub fn caller_rate(&self) -> Rate {
        Rate {
            per_second: self.rate_per_second.into(),
            burst: self.rate_burst.into(),
        }
    }

    /// The rate of attempts from an address.
    #[must_use]
    pub fn attempt_rate(&self) -> Rate {
        Rate {
            per_second: f64::from(self.attempts_per_minute) / 60.0,
            burst: self.attempts_burst.into(),
        }
    }
}

fn positive() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

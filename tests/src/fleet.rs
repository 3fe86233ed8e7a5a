//! Every service in a process of its own, as in production.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Result;
use testkit::Database;

use crate::{
    process::{Process, free_port},
    suite::{BOOTSTRAP_TOKEN, SECRET},
};

/// The services behind the gateway, in the order of their start.
pub const SERVICES: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

/// The key with which every service asks identity for its token.
pub const SERVICE_KEY: &str = "a service key for tests only";

/// A server by name, and flags for it alone.
pub type Own<'a> = (&'a str, &'a [&'a str]);

/// What the servers of a fleet need.
pub struct Ground<'a> {
    /// Their Postgres.
    pub database: &'a Database,
    /// Their Redis.
    pub redis_url: &'a str,
    /// Where mail goes.
    pub smtp_url: &'a str,
    /// The beginning of the paths of their logs.
    pub logs: PathBuf,
}

/// The servers.
pub struct Fleet {
    /// What callers see.
    pub gateway: Process,
    /// The others, by name.
    pub services: BTreeMap<&'static str, Process>,
    /// What they print.
    pub logs: Vec<PathBuf>,
}

impl Fleet {
    /// Starts all of them, each with `flags`, and some with more of their own.
    pub fn start(ground: &Ground<'_>, flags: &[&str], own: &[Own<'_>]) -> Result<Self> {
        let owned = |flags: &[&str]| flags.iter().map(|&flag| flag.to_owned()).collect();
        let own = |name: &str| -> Vec<String> {
            let of = own.iter().find(|(service, _)| *service == name);
            of.map_or_else(Vec::new, |(_, flags)| owned(flags))
        };
        let mut ports = Vec::new();
        for _ in SERVICES {
            ports.push(free_port()?);
        }
        let mut common: Vec<String> = owned(flags);
        for (name, port) in SERVICES.iter().zip(&ports) {
            common.extend([format!("--{name}-uri"), format!("http://{port}")]);
        }
        common.extend(pairs([
            ("--redis-url", ground.redis_url.to_owned()),
            // One for all: they hear of events through it.
            ("--redis-prefix", testkit::redis().1),
            ("--service-key", SERVICE_KEY.to_owned()),
            ("--ops-listen", "127.0.0.1:0".to_owned()),
            ("--log-format", "text".to_owned()),
        ]));
        let (mut services, mut logs) = (BTreeMap::new(), Vec::new());
        for (name, port) in SERVICES.into_iter().zip(ports) {
            let flags = [common.clone(), service_flags(name, ground), own(name)].concat();
            let log = log(ground, name);
            let started = Process::start_at(port, &format!("usher-{name}"), &flags, &log)?;
            services.insert(name, started);
            logs.push(log);
        }
        let log = log(ground, "gateway");
        common.extend(own("gateway"));
        let gateway = Process::start("usher-gateway", &common, &log)?;
        logs.push(log);
        Ok(Self {
            gateway,
            services,
            logs,
        })
    }
}

fn service_flags(name: &str, ground: &Ground<'_>) -> Vec<String> {
    let url = ground.database.url().replace("{service}", name);
    let mut flags = pairs([("--postgres-url", url), ("--secret", SECRET.to_owned())]);
    match name {
        "identity" => {
            let fingerprint = boot::Secret::from(SERVICE_KEY).fingerprint();
            let names = SERVICES.iter().chain(&["gateway"]);
            let keys: Vec<_> = names.map(|name| format!("{name}={fingerprint}")).collect();
            flags.extend(pairs([
                ("--service-keys", keys.join(",")),
                ("--bootstrap-token", BOOTSTRAP_TOKEN.to_owned()),
            ]));
        }
        "invitation" => flags.extend(pairs([
            ("--smtp-url", ground.smtp_url.to_owned()),
            ("--mail-from", "Usher <no-reply@usher.example>".to_owned()),
            ("--link-base", "https://people.example/".to_owned()),
        ])),
        _ => {}
    }
    flags
}

fn pairs<const N: usize>(pairs: [(&str, String); N]) -> Vec<String> {
    let flags = pairs.into_iter();
    flags
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
}

fn log(ground: &Ground<'_>, name: &str) -> PathBuf {
    let mut path = ground.logs.clone().into_os_string();
    path.push(format!("-{name}.log"));
    path.into()
}

//! All of Usher in one process: for development, tests and small
//! installations.
//!
//! The services are the same as in processes of their own; they call each
//! other without a network, and only the gateway listens.

use std::{process::ExitCode, time::Duration};

use boot::{Root, Serving, Site, Tasks, Together};
use clap::{Args, Parser};
use rpc::{BoxedService, Channel, Error};
use store::Clock;
use tokio::sync::watch;

/// What the suite can be told: what each service can be told, with one
/// Postgres, one Redis and one secret for all.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Postgres and the secret.
    #[command(flatten)]
    pub stores: boot::StoreArgs,
    /// Redis.
    #[command(flatten)]
    pub redis: boot::RedisArgs,
    /// The bounds of calls.
    #[command(flatten)]
    pub calls: boot::CallArgs,
    /// The gateway's own flags.
    #[command(flatten)]
    pub gateway: gateway::Config,
    /// Identity's own flags.
    #[command(flatten)]
    pub identity: identity::Config,
    /// Authorization's own flags.
    #[command(flatten)]
    pub authorization: authorization::Config,
    /// Invitation's own flags.
    #[command(flatten)]
    pub invitation: invitation::Config,
    /// Importer's own flags.
    #[command(flatten)]
    pub importer: importer::Config,
}

/// Usher, all of it in one process.
#[derive(Parser)]
#[command(name = "usher-suite", version)]
struct Flags {
    #[command(flatten)]
    process: boot::ProcessArgs,
    #[command(flatten)]
    config: Config,
}

/// The config that a command line such as `["--postgres-url", …]` gives, for
/// those who start the suite inside of their own process. The environment
/// counts too.
pub fn config<'a>(flags: impl IntoIterator<Item = &'a str>) -> Result<Config, clap::Error> {
    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        config: Config,
    }
    let line = std::iter::once("usher-suite").chain(flags);
    Only::try_parse_from(line).map(|only| only.config)
}

/// A suite that runs inside of this process, without ports.
pub struct Running {
    /// The gateway: what callers outside see.
    pub gateway: Channel,
    /// The services past the gateway, by name, called as nobody.
    pub services: Vec<(&'static str, Channel)>,
    tasks: Tasks,
    parts: Vec<watch::Receiver<bool>>,
}

impl Running {
    /// Waits until every part serves. False where that takes longer than
    /// `patience`.
    pub async fn ready(&mut self, patience: Duration) -> bool {
        let all = async {
            for part in &mut self.parts {
                if part.wait_for(|serving| *serving).await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(patience, all).await.unwrap_or(false)
    }

    /// Stops the background work, at its next checkpoint.
    pub async fn stop(self) {
        self.tasks.stop(Duration::from_secs(10)).await;
    }
}

/// Starts the suite on the runtime of the caller, without ports.
pub async fn start(config: Config, clock: Clock) -> Result<Running, Error> {
    let told = |problem: boot::Misconfigured| Error::fault(problem.to_string());
    config.stores.check().map_err(told)?;
    let root = Root::read(&config.stores).map_err(told)?;
    let redis = config.redis.open().map_err(told)?;
    let tasks = Tasks::held();
    let built = build(config, root, redis, clock, tasks.clone()).await?;
    tasks.begin();
    Ok(Running {
        gateway: Channel::local(built.gateway),
        services: built.services,
        tasks,
        parts: built.parts,
    })
}

/// Runs the suite as a process: only the gateway listens.
#[must_use]
pub fn main() -> ExitCode {
    let Flags { process, config } = match boot::parse() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let checked = config
        .stores
        .check()
        .and_then(|()| Ok((Root::read(&config.stores)?, config.redis.open()?)));
    let (root, redis) = match checked {
        Ok(checked) => checked,
        Err(problem) => return problem.exit(),
    };
    boot::run("suite", &process, async move |tasks| {
        let built = build(config, root, redis, Clock::system(), tasks).await?;
        Ok(Serving {
            service: built.gateway,
            parts: built.parts,
        })
    })
}

/// What identity is told of the services' keys.
fn service_keys(suite: &Together) -> Result<Vec<identity::ServiceKey>, Error> {
    suite
        .service_keys()
        .map(|(service, hash)| format!("{service}={hash}").parse())
        .collect::<Result<_, String>>()
        .map_err(Error::fault)
}

struct Built {
    gateway: BoxedService,
    services: Vec<(&'static str, Channel)>,
    parts: Vec<watch::Receiver<bool>>,
}

async fn build(
    config: Config,
    root: Root,
    redis: Option<boot::Redis>,
    clock: Clock,
    tasks: Tasks,
) -> Result<Built, Error> {
    let Config {
        stores,
        calls,
        gateway,
        mut identity,
        authorization,
        invitation,
        importer,
        ..
    } = config;
    let site = Site {
        stores,
        redis,
        calls,
        clock,
        tasks,
    };
    let mut together = Together::new(site, root);
    identity.service_keys = service_keys(&together)?;
    together.add::<identity::Identity>(identity).await?;
    together
        .add::<authorization::Authorization>(authorization)
        .await?;
    together.add::<invitation::Invitation>(invitation).await?;
    together.add::<importer::Importer>(importer).await?;
    let services = boot::SERVICES
        .into_iter()
        .filter_map(|name| Some((name, together.channel(name)?)))
        .collect();
    let (gateway, parts) = together.front(|edge| gateway::open(edge, &gateway))?;
    Ok(Built {
        gateway,
        services,
        parts,
    })
}

//! Putting a service together: tables, feed, health, stack.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use rpc::{BoxedService, Error, Limits, Stack};
use sqlx::postgres::PgConnectOptions;
use store::{Clock, Keys, Store};
use tokio::sync::watch;
use tonic::Code;
use tonic_health::server::HealthReporter;

use crate::{
    CallArgs, Host, Known, Misconfigured, Redis, Root, Secret, Service, StoreArgs, Tasks,
    health::Health,
    places::grpc_services,
    protocols::{Callers, Protocols},
};

/// How long the start waits for Postgres before it gives up migrating.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(30);

/// How long until Postgres is asked for the root key again.
const AGAIN: Duration = Duration::from_millis(500);

/// How often replies are removed that are too old to be asked for again.
const REAP: Duration = Duration::from_mins(1);

/// What all services of a process share.
#[derive(Clone)]
pub struct Site {
    /// Postgres, and how many connections to it a service may have.
    pub stores: StoreArgs,
    /// Redis, where there is one.
    pub redis: Option<Redis>,
    /// The bounds of calls.
    pub calls: CallArgs,
    /// The time.
    pub clock: Clock,
    /// The background work of the process.
    pub tasks: Tasks,
}

impl StoreArgs {
    /// Refuses URLs that are none, without quoting them.
    pub fn check(&self) -> Result<(), Misconfigured> {
        let is_url = |url: &Secret| PgConnectOptions::from_str(url.reveal()).is_ok();
        if !is_url(&self.postgres_url) {
            return Err(Misconfigured::new(
                "--postgres-url (USHER_POSTGRES_URL)",
                "is no URL of a Postgres. Give one like postgres://:password@host/usher",
            ));
        }
        if self.migrate_url.as_ref().is_some_and(|url| !is_url(url)) {
            return Err(Misconfigured::new(
                "--migrate-url (USHER_MIGRATE_URL)",
                "is no URL of a Postgres. Give one like postgres://admin:password@host/usher",
            ));
        }
        Ok(())
    }
}

/// A service that can be called.
pub(crate) struct Part {
    /// All of it: its methods, health and reflection.
    pub service: BoxedService,
    /// True while it can do its work.
    pub serving: watch::Receiver<bool>,
}

/// Starts a service on a site.
pub(crate) async fn mount<S: Service>(
    site: &Site,
    root: &Root,
    known: Known,
    config: S::Config,
) -> Result<Part, Error> {
    let tasks = site.tasks.clone();
    if let Some(admin) = &site.stores.migrate_url {
        migrate::<S>(admin, &site.stores.postgres_url).await?;
    }
    let url = &site.stores.postgres_url;
    let keys = keys(S::NAME, url, root).await?;
    let store = Store::connect(
        url.reveal(),
        S::NAME,
        keys,
        site.clock.clone(),
        site.stores.postgres_connections,
    )
    .await?;
    let host = Host {
        store: store.clone(),
        redis: site.redis.clone(),
        peers: known.peers.clone(),
        clock: site.clock.clone(),
        tasks: tasks.clone(),
    };
    let routes = S::start(host, config)
        .await?
        .add_service(feed::serve(store.clone(), S::NAME));
    let (events, redis, stopping) = (store.clone(), site.redis.clone(), tasks.stopping());
    tasks.keep("relay", move || {
        feed::relay(events.clone(), redis.clone(), stopping.clone())
    });

    let replies = store.clone();
    tasks.every(REAP, "replies", move || {
        let store = replies.clone();
        async move {
            while store.forget_replies().await? {}
            Ok(())
        }
    });

    let stack = stack(S::NAME, true, &site.calls, known, &site.clock);
    let reporter = HealthReporter::new();
    let service = Protocols::before(rpc::stack(routes, stack), &reporter, Callers::Suite)?;
    let names = grpc_services(S::NAME).into_iter().chain([""]).collect();
    let health = Health::of(&reporter, names);
    let serving = health.serving();
    tasks.spawn(
        "health",
        health.follow(tasks.clone(), move || answers(store.clone())),
    );
    Ok(Part { service, serving })
}

/// The keys of a service, once Postgres answers and the service's schema was
/// set up. Refused where the secrets do not open its root key.
async fn keys(service: &'static str, url: &Secret, root: &Root) -> Result<Keys, Error> {
    loop {
        match Keys::open_root(url.reveal(), service, root.secrets()).await {
            Ok(Some(keys)) => return Ok(keys),
            Ok(None) => {
                return Err(Error::fault(format!(
                    "--secret (USHER_SECRET) or --secret-file does not open the root key of \
                     {service}. Was it changed? Give both: new,former"
                )));
            }
            Err(error) => {
                let error = error.message();
                tracing::warn!(service, error, "waiting for the root key in Postgres");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// What the layers before a service need.
pub(crate) fn stack(
    service: &'static str,
    authorize: bool,
    calls: &CallArgs,
    known: Known,
    clock: &Clock,
) -> Stack {
    let limits = Limits {
        in_flight: calls.max_in_flight,
        default_deadline: Duration::from_millis(calls.default_deadline_ms),
        longest_deadline: Duration::from_millis(calls.max_deadline_ms),
    };
    let verifier = Arc::new(rpc::Verifier::new(known.plain.identity, seconds(clock)));
    let decisions = Arc::new(rpc::Decisions::new(known.peers.authorization));
    Stack {
        service,
        verifier,
        decisions,
        limits,
        authorize,
    }
}

/// The time in Unix seconds, for tokens.
pub(crate) fn seconds(clock: &Clock) -> impl Fn() -> i64 + Send + Sync + 'static {
    let clock = clock.clone();
    move || clock.now().timestamp()
}

/// Redis is not asked: without it a service is slower and still serves.
async fn answers(store: Store) -> bool {
    match store.ping().await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(
                service = store.service(),
                error = error.message(),
                "Postgres does not answer"
            );
            false
        }
    }
}

/// Migrates, once Postgres answers.
async fn migrate<S: Service>(admin: &Secret, login: &Secret) -> Result<(), Error> {
    let password = password(login);
    let began = tokio::time::Instant::now();
    loop {
        let migrated = store::migrate(
            admin.reveal(),
            S::NAME,
            S::migrations(),
            password.as_deref(),
        )
        .await;
        match migrated {
            Err(error)
                if error.code() == Code::Unavailable && began.elapsed() < MIGRATION_PATIENCE =>
            {
                tracing::warn!(service = S::NAME, "waiting for Postgres");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            other => return other,
        }
    }
}

/// The password in the URL with which the service logs in: migrating sets it.
fn password(login: &Secret) -> Option<String> {
    let (_, rest) = login.reveal().split_once("://")?;
    let (user, _) = rest
        .split_once('/')
        .map_or(rest, |(authority, _)| authority)
        .rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty()).then(|| decoded(password))
}

/// Percent-decoding (RFC 3986, 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Secret, password};

    #[test]
    fn the_password_of_a_url_is_found_and_decoded() {
        let found = |url: &str| password(&Secret::from(url));
        assert_eq!(
            found("postgres://:a%20b%2Fc@host:5432/usher").as_deref(),
            Some("a b/c")
        );
        assert_eq!(
            found("postgres://somebody:pw@host/usher?options=x:y@z").as_deref(),
            Some("pw")
        );
        assert_eq!(found("postgres://host/usher"), None);
        assert_eq!(found("postgres://somebody@host/usher"), None);
        assert_eq!(found("postgres://:@host/usher"), None);
    }
}

//! Authorization: what users may do, and whose seats are used.
//!
//! Owns roles, role bindings, groups, projects, seats, and the decision whether
//! a user may do something. Never knows names, passwords or sessions (that is
//! identity), and never sends a mail. Start reading at `check.rs`, which is
//! what all the rest is for; each rpc is one line in its room's file.
//!
//! Three rules hold everywhere:
//! - a change locks its tenant first (`db::tenants::lock`), so the changes of
//!   a tenant happen one after the other;
//! - a change raises the tenant's revision and publishes one event with it
//!   (`revisions::announce`), from which every replica learns what to forget;
//! - who gives or takes something must hold it themselves (`bindings::Authority`).

mod bindings;
mod check;
mod db;
mod departures;
mod events;
mod groups;
mod projects;
mod provisioning;
mod revisions;
mod roles;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use boot::Host;
use chrono::{DateTime, Utc};
use contract::authorization::Event;
use contract::authorization::access_service_server::AccessServiceServer;
use contract::authorization::group_service_server::GroupServiceServer;
use contract::authorization::project_service_server::ProjectServiceServer;
use contract::authorization::provisioning_service_server::ProvisioningServiceServer;
use contract::authorization::role_binding_service_server::RoleBindingServiceServer;
use contract::authorization::role_service_server::RoleServiceServer;
use contract::licensing::license_service_server::LicenseServiceServer;
use prost::Message as _;
use rpc::{Channel, Error, Id};
use store::Store;
use tonic::service::Routes;

use check::Cache;
use events::Users;

/// How often users are looked for who were let go and stayed.
const SETTLE: Duration = Duration::from_secs(5);

/// What only authorization is told.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// How much memory the cache of what users hold may take, in MiB. About
    /// 4,500 users fit into one.
    #[arg(
        long = "access-cache-mib",
        env = "USHER_ACCESS_CACHE_MIB",
        default_value_t = 256
    )]
    cache_mib: u64,
}

/// The service.
pub struct Authorization {
    store: Store,
    /// Asked for users of whom no event has told yet.
    identity: Channel,
    cache: Arc<Cache>,
}

#[tonic::async_trait]
impl boot::Service for Authorization {
    const NAME: &'static str = "authorization";
    type Config = Config;

    fn migrations() -> &'static sqlx::migrate::Migrator {
        static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();
        &MIGRATIONS
    }

    async fn start(host: Host, config: Config) -> Result<Routes, Error> {
        let cache = Arc::new(Cache::new(config.cache_mib.saturating_mul(1 << 20)));
        hear(&host, cache.clone());
        follow(&host, cache.clone());
        let app = Arc::new(Self {
            store: host.store,
            identity: host.peers.identity,
            cache,
        });
        let settling = app.clone();
        host.tasks.every(SETTLE, "departures", move || {
            let app = settling.clone();
            async move { departures::settle(&app).await }
        });
        Ok(Routes::new(AccessServiceServer::from_arc(app.clone()))
            .add_service(RoleServiceServer::from_arc(app.clone()))
            .add_service(RoleBindingServiceServer::from_arc(app.clone()))
            .add_service(GroupServiceServer::from_arc(app.clone()))
            .add_service(ProjectServiceServer::from_arc(app.clone()))
            .add_service(LicenseServiceServer::from_arc(app.clone()))
            .add_service(ProvisioningServiceServer::from_arc(app)))
    }
}

/// Keeps the cache told of what all replicas change.
fn hear(host: &Host, cache: Arc<Cache>) {
    let (store, stopping) = (host.store.clone(), host.tasks.stopping());
    host.tasks.keep("authorization.tail", move || {
        let (cache, freshness) = (cache.clone(), cache.follow());
        let on_event = move |event: &contract::feed::Event| {
            let payload = event
                .payload
                .as_ref()
                .and_then(|any| Event::decode(any.value.as_slice()).ok());
            let touched = payload.as_ref().and_then(revisions::touched);
            if let (Some((revision, touched)), Ok(tenant)) = (touched, event.tenant_id.parse()) {
                cache.hear(tenant, revision, touched);
            }
        };
        feed::tail(store.clone(), on_event, freshness, stopping.clone())
    });
}

/// Follows what becomes of users.
fn follow(host: &Host, cache: Arc<Cache>) {
    let (store, stopping) = (host.store.clone(), host.tasks.stopping());
    let (redis, identity) = (host.redis.clone(), host.peers.identity.clone());
    host.tasks.keep("authorization.follow.identity", move || {
        let users = Users {
            cache: cache.clone(),
        };
        feed::follow(
            users,
            store.clone(),
            redis.clone(),
            identity.clone(),
            stopping.clone(),
        )
    });
}

/// An id that may be left out.
fn optional_id<K>(text: &str) -> Result<Option<Id<K>>, Error> {
    if text.is_empty() {
        Ok(None)
    } else {
        Ok(Some(text.parse()?))
    }
}

/// Ids of one kind.
fn ids<K>(texts: &[String]) -> Result<Vec<Id<K>>, Error> {
    Ok(texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?)
}

fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    let nanos = time.timestamp_subsec_nanos().try_into().unwrap_or_default();
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos,
    }
}

/// How many there are, for `total_size`.
fn total(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

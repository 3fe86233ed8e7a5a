//! Importer: a whole company comes in at once, from a file.
//!
//! Owns files on their way to being users: what stands in them, row by row,
//! what is wrong with it, what callers made of it, and how far a commit has
//! come. A file is read (`reading`), reviewed (`rows`), and committed by a
//! background worker (`worker`) that any replica can take over at any row.
//!
//! Never creates a user, a role or a mail: it asks invitation, on behalf of the
//! person who committed, so an import can do nothing that this person cannot.
//! Never keeps a file: it is gone when it has been read.
//!
//! Start reading at `imports.rs`; each rpc is one line there.

mod config;
mod db;
mod events;
pub mod formula;
mod imports;
mod people;
mod reading;
mod roles;
mod rows;
mod seats;
mod worker;

use std::{sync::Arc, time::Duration};

use boot::{Host, Peers, Service};
use contract::importer::import_service_server::ImportServiceServer;
use rpc::{Caller, Decisions, Error, places::Places};
use store::Store;
use tokio::sync::{Notify, Semaphore, broadcast};
use tonic::service::Routes;
use uuid::Uuid;

pub use config::Config;

/// Uploads of one tenant that one replica takes at a time.
const UPLOADS: usize = 2;
/// Uploads of all tenants that one replica takes at a time: each takes up to
/// 256 MiB of disk.
const SPOOLS: usize = 32;
/// Files that are read at a time: each takes a thread, and for the time of its
/// writing one of the connections to Postgres, of which there are ten.
const READINGS: usize = 3;
/// Streams of one user, and of all users of one tenant, that one replica keeps
/// up.
const WATCHES: usize = 10;
const WATCHES_OF_TENANT: usize = 100;

/// How often reviews are looked for that were given up.
const EMPTY: Duration = Duration::from_secs(5);

/// The service.
pub struct Importer {
    store: Store,
    peers: Peers,
    config: Config,
    uploads: Arc<Places>,
    spool: Semaphore,
    readings: Semaphore,
    watches: Arc<Places>,
    watches_of_tenant: Arc<Places>,
    /// Whether who watches may still do so.
    decisions: Arc<Decisions>,
    /// A commit began here: a worker need not wait for its next look.
    begun: Arc<Notify>,
    /// An import was stopped or ended here: who watches it looks at once.
    ended: broadcast::Sender<Uuid>,
}

impl Importer {
    /// Who asks other services about a tenant, for nobody in particular.
    fn system(caller: &Caller) -> Result<Caller, Error> {
        Ok(Caller::system(Self::NAME, caller.tenant()?))
    }
}

#[tonic::async_trait]
impl Service for Importer {
    const NAME: &'static str = "importer";
    type Config = Config;

    fn migrations() -> &'static sqlx::migrate::Migrator {
        static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
        &MIGRATIONS
    }

    async fn start(host: Host, config: Config) -> Result<Routes, Error> {
        let Host {
            store,
            redis,
            peers,
            tasks,
            ..
        } = host;
        let app = Arc::new(Importer {
            store: store.clone(),
            peers: peers.clone(),
            config,
            uploads: Places::new(UPLOADS),
            spool: Semaphore::new(SPOOLS),
            readings: Semaphore::new(READINGS),
            watches: Places::new(WATCHES),
            watches_of_tenant: Places::new(WATCHES_OF_TENANT),
            decisions: Arc::new(Decisions::new(peers.authorization.clone())),
            begun: Arc::new(Notify::new()),
            ended: broadcast::Sender::new(64),
        });
        for _ in 0..worker::WORKERS {
            let (app, stopping) = (app.clone(), tasks.stopping());
            tasks.keep("commit imports", move || {
                worker::run(app.clone(), stopping.clone())
            });
        }
        let of_given_up = store.clone();
        tasks.every(EMPTY, "empty reviews that were given up", move || {
            let store = of_given_up.clone();
            async move { imports::empty_given_up(&store).await }
        });
        let stopping = tasks.stopping();
        tasks.keep("follow identity", move || {
            feed::follow(
                events::Identity,
                store.clone(),
                redis.clone(),
                peers.identity.clone(),
                stopping.clone(),
            )
        });
        Ok(Routes::new(ImportServiceServer::from_arc(app)))
    }
}

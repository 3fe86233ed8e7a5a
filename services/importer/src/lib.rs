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
mod imports;
mod people;
mod reading;
mod roles;
mod rows;
mod seats;
mod worker;

use std::sync::Arc;

use boot::{Host, Peers, Service};
use contract::importer::import_service_server::ImportServiceServer;
use rpc::{Caller, Error};
use store::Store;
use tokio::sync::{Notify, Semaphore, watch};
use tonic::service::Routes;

pub use config::Config;

/// Uploads that one replica reads at a time: each takes up to 256 MiB of disk.
const UPLOADS: usize = 8;

/// The service.
pub struct Importer {
    store: Store,
    peers: Peers,
    config: Config,
    uploads: Semaphore,
    /// A commit began here: a worker need not wait for its next look.
    begun: Arc<Notify>,
    /// Some import moved here: whoever watches need not wait for the next look.
    moved: watch::Sender<()>,
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
            uploads: Semaphore::new(UPLOADS),
            begun: Arc::new(Notify::new()),
            moved: watch::Sender::new(()),
        });
        for _ in 0..worker::WORKERS {
            let (app, stopping) = (app.clone(), tasks.stopping());
            tasks.keep("commit imports", move || {
                worker::run(app.clone(), stopping.clone())
            });
        }
        let stopping = tasks.stopping();
        tasks.spawn("follow identity", async move {
            feed::follow(events::Identity, store, redis, peers.identity, stopping).await;
        });
        Ok(Routes::new(ImportServiceServer::from_arc(app)))
    }
}

//! Invitation: who is asked to join, and every mail of the suite.
//!
//! Owns invitations from the draft to the answer, the secrets of their links,
//! and the queue of mails with what became of each. Never done here: creating
//! users and checking passwords (identity), giving roles and counting seats
//! (authorization). Where an invitation needs those, it is a saga: the row is
//! its log, every step can be repeated under the same ids, and `unfinished.rs`
//! ends what a crash left in the middle.
//!
//! Three promises shape the code:
//! - *Nothing twice, nothing lost.* Rows exist before other services hear of
//!   them. Work is claimed by leases in Postgres with fencing tokens; a mail is
//!   recorded as sent by whoever still holds its lease.
//! - *A link works once, for seven days, and only in the mail.* Its secret is
//!   made while the mail is rendered; only a keyed hash is kept. No reply, event
//!   or log holds it.
//! - *SMTP cannot tell everything.* When the connection breaks between the end
//!   of a mail and the server's answer, the mail may have been taken; it is sent
//!   again under the same `Message-ID` with a new link, and the link of the
//!   first copy is dead.
//!
//! Start reading at `invitations.rs` (asking people), `acceptance.rs` (their
//! answer), `sending.rs` (mail).

mod acceptance;
mod config;
mod db;
mod events;
mod invitations;
mod limit;
mod mails;
mod patience;
mod peers;
mod sending;
mod templates;
mod unfinished;

pub use config::{Config, LinkBase};

use std::sync::Arc;

use boot::Host;
use contract::invitation::{
    invitation_service_server::InvitationServiceServer, mail_service_server::MailServiceServer,
};
use rpc::Error;
use store::Store;
use tokio::sync::Notify;
use tonic::service::Routes;

use crate::{peers::Peers, sending::Post};

/// How long a link works. Sending again begins the time anew. A tenant setting
/// later (requirement I-03).
pub const LINK_DAYS: i32 = 7;

/// The service: what its handlers and workers stand on.
pub struct Invitation {
    store: Store,
    peers: Peers,
    /// Wakes the mail workers of this process; others find mails by polling.
    mail_queued: Arc<Notify>,
}

#[tonic::async_trait]
impl boot::Service for Invitation {
    const NAME: &'static str = "invitation";
    type Config = Config;

    fn migrations() -> &'static sqlx::migrate::Migrator {
        static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
        &MIGRATOR
    }

    async fn start(host: Host, config: Config) -> Result<Routes, Error> {
        let post = Arc::new(Post::new(&config)?);
        let app = Arc::new(Invitation {
            store: host.store.clone(),
            peers: Peers::new(&host.peers),
            mail_queued: Arc::default(),
        });
        let stopping = host.tasks.stopping();
        host.tasks.keep("mails", {
            let (app, stopping) = (app.clone(), stopping.clone());
            move || sending::run(app.clone(), post.clone(), stopping.clone())
        });
        host.tasks.keep("unfinished invitations", {
            let (app, stopping) = (app.clone(), stopping.clone());
            move || unfinished::run(app.clone(), stopping.clone())
        });
        host.tasks.keep("identity events", {
            let app = app.clone();
            move || {
                let consumer = events::FromIdentity {
                    mail_queued: app.mail_queued.clone(),
                };
                let identity = host.peers.identity.clone();
                feed::follow(
                    consumer,
                    app.store.clone(),
                    host.redis.clone(),
                    identity,
                    stopping.clone(),
                )
            }
        });
        Ok(Routes::new(InvitationServiceServer::from_arc(app.clone()))
            .add_service(MailServiceServer::from_arc(app)))
    }
}

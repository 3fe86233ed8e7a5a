//! The mail workers.
//!
//! One loop a process claims mails that are due and gives each a lane. A mail
//! is written, its link's secret made and kept as a hash, handed to the mail
//! server, and recorded; no transaction is open while the server thinks. Who
//! takes long leaves its lane, so that a slow recipient stops nobody.
//!
//! SMTP cannot do it exactly once. A mail is never lost: it is recorded as sent
//! only after the server said so. It is sent twice only where the server took
//! it and the answer was lost, or where the process or Postgres died before the
//! answer was recorded; then both copies have one `Message-ID`, and the link in
//! the first is dead.

mod deliver;
mod lanes;
mod letter;
mod message;
mod record;
mod server;

use std::{sync::Arc, time::Duration};

use lettre::message::Mailbox;
use rpc::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Invitation, LinkBase,
    db::{
        Lease,
        mails::queue::{self, Claimed},
    },
    templates::Templates,
};
use lanes::{Lane, Lanes};
use server::Server;

/// How long a mail waits at most where nobody woke the workers: another
/// replica queued it, or its time has come.
const POLL: Duration = Duration::from_secs(1);

/// What the workers write and send with.
pub(crate) struct Post {
    server: Server,
    from: Mailbox,
    link_base: LinkBase,
    templates: Templates,
    lanes: Lanes,
}

impl Post {
    /// A fault where the flags make no mail server.
    pub(crate) fn new(config: &Config) -> Result<Post, Error> {
        let workers = usize::from(config.mail_workers);
        let server = Server::new(config.smtp_url.reveal(), workers)
            .map_err(|why| Error::fault(format!("--smtp-url (USHER_SMTP_URL) {why}")))?;
        Ok(Post {
            server,
            from: config.mail_from.clone(),
            link_base: config.link_base.clone(),
            templates: Templates::new()?,
            lanes: Lanes::new(workers),
        })
    }
}

/// Sends mails until the process stops; those under way are ended first.
pub(crate) async fn run(app: Arc<Invitation>, post: Arc<Post>, stopping: CancellationToken) {
    let mut under_way = JoinSet::new();
    let claiming = async {
        loop {
            let lanes = post.lanes.free().await;
            match claim(&app, &post, lanes.len()).await {
                Ok((_, mails)) if mails.is_empty() => {
                    drop(lanes);
                    let _ = tokio::time::timeout(POLL, app.mail_queued.notified()).await;
                }
                Ok((lease, mails)) => start(&mut under_way, &app, &post, lease, mails, lanes),
                Err(error) => {
                    tracing::warn!(%error, "the mail queue cannot be read");
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    };
    stopping.run_until_cancelled(claiming).await;
    while under_way.join_next().await.is_some() {}
}

async fn claim(
    app: &Invitation,
    post: &Post,
    lanes: usize,
) -> Result<(Lease, Vec<Claimed>), Error> {
    let lease = Lease::new();
    let most = i64::try_from(lanes)?;
    let mut tx = app.store.worker().await?;
    let mails = queue::claim(&mut tx, lease, most, &post.lanes.crowded()).await?;
    tx.done().await?;
    Ok((lease, mails))
}

fn start(
    under_way: &mut JoinSet<()>,
    app: &Arc<Invitation>,
    post: &Arc<Post>,
    lease: Lease,
    mails: Vec<Claimed>,
    lanes: Vec<Lane>,
) {
    while under_way.try_join_next().is_some() {}
    for (mail, lane) in mails.into_iter().zip(lanes) {
        under_way.spawn(deliver::run(app.clone(), post.clone(), mail, lease, lane));
    }
}

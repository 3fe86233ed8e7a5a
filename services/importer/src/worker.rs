//! Turns the good rows of committed imports into invited users.
//!
//! An import is worked chunk by chunk by whoever holds its lease. A chunk is a
//! function of the checkpoint: after the same line come the same rows, under
//! the same request id. The outcomes and the new checkpoint commit together. So
//! a worker that is killed between asking invitation and writing down its
//! answer leaves nothing behind but work that is asked for a second time in the
//! same words, and answered with the same users.

mod chunk;
mod lease;
mod refusal;
mod send;

use std::{sync::Arc, time::Duration};

use contract::{
    Id,
    identity::{Tenant, User},
    importer::{Event, ImportDone},
};
use rpc::Error;
use tokio_util::sync::CancellationToken;

use self::{chunk::Chunk, lease::Lease};
use crate::{Importer, db, imports};

/// Imports that one replica commits at a time.
pub const WORKERS: usize = 4;

/// How often a worker looks for commits that began elsewhere, or whose worker
/// is gone.
const LOOK: Duration = Duration::from_secs(1);

/// Works until told to stop.
pub async fn run(app: Arc<Importer>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let worked = match Lease::claim(&app).await {
            Ok(Some(lease)) => work(&app, lease, &stopping).await.map(|()| true),
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        if let Err(error) = &worked {
            tracing::warn!(%error, "an import waits");
        }
        if !matches!(worked, Ok(true)) {
            tokio::select! {
                () = app.begun.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = stopping.cancelled() => {}
            }
        }
    }
}

/// Works one import to its end, to the loss of its lease, or until told to
/// stop.
async fn work(app: &Importer, mut lease: Lease, stopping: &CancellationToken) -> Result<(), Error> {
    loop {
        // A chunk that another worker may have sent gets its outcome even where
        // a caller wants the rest stopped.
        if lease.of.cancelled && !lease.of.abandoned {
            return end(app, &lease, "CANCELLED").await;
        }
        if stopping.is_cancelled() {
            return lease.release(app).await;
        }
        let Some(chunk) = Chunk::next(app, &lease.of).await? else {
            return end(app, &lease, "DONE").await;
        };
        let began = tokio::time::Instant::now();
        let Some(sent) = lease
            .hold(app, send::run(app, &lease.of, &chunk, stopping))
            .await
        else {
            return Ok(());
        };
        let Some(outcomes) = sent else {
            return lease.release(app).await;
        };
        let Some(after) = chunk.settle(app, &lease, outcomes, began.elapsed()).await? else {
            return Ok(());
        };
        lease.of = after;
        app.moved.send_replace(());
    }
}

async fn end(app: &Importer, lease: &Lease, state: &str) -> Result<(), Error> {
    let of = &lease.of;
    let mut tx = app.store.worker().await?;
    tx.switch_tenant(Id::<Tenant>::from_uuid(of.tenant_id))
        .await?;
    tx.set_actor(
        Id::<User>::from_uuid(of.user),
        Id::from_uuid(of.home.unwrap_or(of.tenant_id)),
    );
    if !db::commits::end(&mut tx, of.tenant_id, of.id, lease.id, state).await? {
        return Ok(());
    }
    let import = db::imports::find(&mut tx, of.tenant_id, of.id)
        .await?
        .ok_or_else(imports::not_found)?;
    // A cancelled import was told of by the caller who cancelled it.
    if state == "DONE" {
        let progress = Some(imports::progress(&import));
        tx.publish(Event::from(ImportDone {
            import_id: of.id.to_string(),
            progress,
        }));
    }
    let moved = app.moved.clone();
    tx.after_commit(move || moved.send_replace(()));
    tx.done().await
}

//! Turns the good rows of committed imports into invited users.
//!
//! An import is worked chunk by chunk by whoever holds its lease. A chunk is a
//! function of the checkpoint: after the same line come the same rows, under
//! the same request id. The outcomes and the new checkpoint commit together. So
//! a worker that is killed between asking invitation and writing down its
//! answer leaves nothing behind but work that is asked for a second time in the
//! same words, and answered with the same users.
//!
//! An import is worked in turns: after some chunks it is given back, and the
//! next turn is that of the tenant that waits longest.

mod chunk;
mod lease;
mod refusal;
mod send;

use std::{sync::Arc, time::Duration};

use boot::Service as _;
use contract::{
    Id,
    identity::Tenant,
    importer::{Event, ImportDone},
};
use rpc::{Caller, Error};
use tokio_util::sync::CancellationToken;

use self::{chunk::Chunk, lease::Lease};
use crate::{
    Importer,
    db::{self, commits::Claimed},
    imports,
};

/// Imports that one replica commits at a time.
pub const WORKERS: usize = 4;
/// Chunks of one import that are done in a turn.
const TURN: usize = 10;

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

/// Works one import for a turn, to its end, to the loss of its lease, or until
/// told to stop.
async fn work(app: &Importer, mut lease: Lease, stopping: &CancellationToken) -> Result<(), Error> {
    for _ in 0..TURN {
        // A chunk that may have been sent gets its outcome even where a caller
        // wants the rest stopped.
        if lease.of.cancelled && !lease.of.abandoned {
            return end(app, &lease, "CANCELLED").await;
        }
        if stopping.is_cancelled() {
            break;
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
            return lease.release(app, true).await;
        };
        let Some(after) = chunk.settle(app, &lease, outcomes, began.elapsed()).await? else {
            return Ok(());
        };
        lease.of = after;
    }
    lease.release(app, lease.of.abandoned).await
}

/// Who committed: an import can do what they can, and what it did they did.
fn acting(of: &Claimed) -> Caller {
    let tenant = Id::<Tenant>::from_uuid(of.tenant_id);
    let mut caller = Caller::acting(Importer::NAME, tenant, Some(Id::from_uuid(of.user)));
    caller.home = Some(of.home.map_or(tenant, Id::from_uuid));
    caller.address = of.address.as_ref().and_then(|address| address.parse().ok());
    caller.request_id = Arc::from(of.id.to_string());
    caller
}

async fn end(app: &Importer, lease: &Lease, state: &str) -> Result<(), Error> {
    let of = &lease.of;
    let caller = acting(of);
    let mut tx = app.store.tenant(caller.tenant()?, &caller).await?;
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
    let (ended, id) = (app.ended.clone(), of.id);
    tx.after_commit(move || drop(ended.send(id)));
    tx.done().await
}

//! Goes through the users of running operations.
//!
//! An operation is worked by whoever holds its lease, in turns: after some users
//! it is given back, and the next turn is that of the tenant that waits longest.
//! The lease only keeps two workers from doing the same work; that each user has
//! their turn once rests on the checkpoint, which every transaction names.

mod step;

use std::{sync::Arc, time::Duration};

use contract::Id;
use rpc::{Caller, Error};
use tokio_util::sync::CancellationToken;

use self::step::Step;
use crate::{Identity, NAME, db, db::bulk_operations::Claimed};

/// Operations that one replica works at a time.
pub const WORKERS: usize = 2;
/// Users of one operation whose turn it is in a row.
const TURN: usize = 100;
/// How often a worker looks for operations that began elsewhere, or whose worker
/// is gone.
const LOOK: Duration = Duration::from_secs(1);
/// How long a worker may be silent before another takes over, in seconds.
const LEASE: f64 = 5.0;

/// Works until told to stop.
pub async fn run(app: Arc<Identity>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let worked = turn(&app, &stopping).await;
        if let Err(error) = &worked {
            tracing::warn!(%error, "a bulk operation waits");
        }
        if !matches!(worked, Ok(true)) {
            tokio::select! {
                () = app.bulk_begun.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = stopping.cancelled() => {}
            }
        }
    }
}

/// Works one operation for a turn; false where none waits. After an error the
/// operation rests until its lease is over.
async fn turn(app: &Identity, stopping: &CancellationToken) -> Result<bool, Error> {
    let mut tx = app.store.worker().await?;
    let claimed = db::bulk_operations::claim(&mut tx, Id::<()>::new().uuid(), LEASE).await?;
    tx.done().await?;
    let Some(mut claimed) = claimed else {
        return Ok(false);
    };
    let caller = acting(&claimed);
    for _ in 0..TURN {
        if stopping.is_cancelled() {
            break;
        }
        match step::run(app, &caller, &claimed).await? {
            Step::Moved => claimed.checkpoint += 1,
            Step::Lost => return Ok(true),
            Step::Over(state) => {
                end(app, &caller, &claimed, state).await?;
                return Ok(true);
            }
        }
    }
    let mut tx = app.store.tenant(claimed.tenant_id, &caller).await?;
    db::bulk_operations::release(&mut tx, &claimed).await?;
    tx.done().await?;
    Ok(true)
}

/// Who asked for the operation: what it does, they do.
fn acting(claimed: &Claimed) -> Caller {
    let address = claimed.address.as_ref();
    let mut caller = Caller::acting(NAME, claimed.tenant_id, Some(claimed.user));
    caller.home = Some(claimed.home);
    caller.address = address.and_then(|address| address.parse().ok());
    caller.request_id = Arc::from(claimed.id.to_string());
    caller
}

async fn end(
    app: &Identity,
    caller: &Caller,
    claimed: &Claimed,
    state: &'static str,
) -> Result<(), Error> {
    let (tenant, id, lease) = (claimed.tenant_id, claimed.id, Some(claimed.lease));
    let mut tx = app.store.tenant(tenant, caller).await?;
    if db::bulk_operations::end(&mut tx, tenant, id, lease, state).await?
        && let Some(row) = db::bulk_operations::get(&mut tx, tenant, id).await?
    {
        tx.publish(super::ended(&row.into()));
    }
    tx.done().await
}

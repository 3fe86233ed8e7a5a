//! Deletes a property. From then on nobody sees it, and a worker takes its value
//! away from every user: those may be a million.

use contract::identity::{DeletePropertyRequest, DeletePropertyResponse, Event, PropertyDeleted};
use rpc::{Caller, Error};
use store::Store;

use super::not_found;
use crate::{Identity, db};

/// The most users whom a transaction of the worker holds.
const BATCH: i64 = 1000;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: DeletePropertyRequest,
) -> Result<DeletePropertyResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::properties::delete(&mut tx, tenant, &ask.name)
        .await?
        .ok_or_else(not_found)?;
    tx.publish(Event::from(PropertyDeleted { name: ask.name }));
    tx.commit(DeletePropertyResponse {}).await
}

/// Takes values of deleted properties away from some users. Whether there is
/// more to do.
pub async fn clear(store: &Store) -> Result<bool, Error> {
    let mut tx = store.worker().await?;
    let more = db::properties::clear(&mut tx, BATCH).await?;
    tx.done().await?;
    Ok(more)
}

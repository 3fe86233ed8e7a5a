//! Deletes a property, and its value of every user. The definition goes first:
//! whoever is setting a value right now is waited for, and nobody after them
//! finds it.

use contract::identity::{DeletePropertyRequest, DeletePropertyResponse, Event, PropertyDeleted};
use rpc::{Caller, Error};
use uuid::Uuid;

use super::not_found;
use crate::{Identity, db};

/// The most users in one statement, which is to end in time however many there
/// are.
const BATCH: i64 = 20_000;

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
    let mut after = Uuid::nil();
    while let Some(last) = db::properties::clear(&mut tx, tenant, &ask.name, after, BATCH).await? {
        after = last;
    }
    tx.publish(Event::from(PropertyDeleted { name: ask.name }));
    tx.commit(DeletePropertyResponse {}).await
}

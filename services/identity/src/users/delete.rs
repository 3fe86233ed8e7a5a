//! Deletes a user for good (requirement U-12). What other services hold of
//! them goes when they hear of it; the audit trail keeps ids only.

use contract::{
    Id,
    identity::{DeleteUserRequest, DeleteUserResponse, Tenant, User},
};
use rpc::{Caller, Error};
use store::Tx;

use crate::{Identity, authority, db, erasures, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: DeleteUserRequest,
) -> Result<DeleteUserResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    super::not_oneself(caller, id)?;
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_remove(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    apply(app, &mut tx, tenant, id).await?;
    tx.commit(DeleteUserResponse {}).await
}

/// Deletes the user of somebody who may.
pub async fn apply(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> Result<(), Error> {
    // Sessions, flows, factors, passwords and tokens hang on the row.
    db::users::delete(tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    sessions::forget(app, tx, id);
    erasures::begin(tx, tenant, id).await
}

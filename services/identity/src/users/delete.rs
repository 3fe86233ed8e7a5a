//! Deletes a user for good (requirement U-12). What other services hold of
//! them goes when they hear of it; the audit trail keeps ids only.

use contract::{
    Id,
    identity::{DeleteUserRequest, DeleteUserResponse, ErrorReason, Event, User, UserDeleted},
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, authority, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: DeleteUserRequest,
) -> Result<DeleteUserResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if caller.user == Some(id) {
        return Err(ErrorReason::OwnAccount.because("nobody deletes their own account"));
    }
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_remove(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    // Sessions, flows, factors, passwords and tokens hang on the row.
    db::users::delete(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    db::attempts::erase(&mut tx, tenant, id).await?;
    sessions::forget(app, &mut tx, id);
    tx.publish(Event::from(UserDeleted {
        user_id: id.to_string(),
    }));
    tx.commit(DeleteUserResponse {}).await
}

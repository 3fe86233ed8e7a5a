//! Locks an account until an admin unlocks it (requirement P-06): no login, and
//! no session from the commit on.

use contract::{
    Id,
    identity::{ErrorReason, Event, LockUserRequest, LockUserResponse, User, UserLocked},
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, authority, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: LockUserRequest,
) -> Result<LockUserResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if caller.user == Some(id) {
        return Err(ErrorReason::OwnAccount.because("nobody locks their own account"));
    }
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_remove(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    // The user first, as everybody does: a login that came first is seen.
    db::users::lock_any(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    if db::attempts::lock(&mut tx, tenant, id).await? {
        sessions::end_all(app, &mut tx, tenant, id).await?;
        tx.publish(Event::from(UserLocked {
            user_id: id.to_string(),
        }));
    }
    let user = super::read(&mut tx, tenant, id).await?;
    tx.commit(LockUserResponse { user: Some(user) }).await
}

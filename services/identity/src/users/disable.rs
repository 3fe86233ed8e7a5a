//! Disables a user: no login, and no session from the commit on (B-17).

use contract::{
    Id,
    identity::{DisableUserRequest, DisableUserResponse, ErrorReason, Event, User, UserDisabled},
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, authority, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: DisableUserRequest,
) -> Result<DisableUserResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if caller.user == Some(id) {
        return Err(ErrorReason::OwnAccount.because("nobody disables their own account"));
    }
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_remove(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if db::users::disable(&mut tx, tenant, id).await?.is_some() {
        sessions::end_all(app, &mut tx, tenant, id).await?;
        db::reset_tokens::end_all(&mut tx, tenant, id).await?;
        tx.publish(Event::from(UserDisabled {
            user_id: id.to_string(),
        }));
    }
    let user = super::read(&mut tx, tenant, id).await?;
    tx.commit(DisableUserResponse { user: Some(user) }).await
}

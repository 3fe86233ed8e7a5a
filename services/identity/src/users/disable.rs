//! Disables a user: no login, and no session from the commit on (B-17).

use contract::{
    Id,
    identity::{DisableUserRequest, DisableUserResponse, Event, Tenant, User, UserDisabled},
};
use rpc::{Caller, Error};
use store::Tx;

use crate::{Identity, authority, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: DisableUserRequest,
) -> Result<DisableUserResponse, Error> {
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
    let user = super::read(&mut tx, tenant, id).await?;
    tx.commit(DisableUserResponse { user: Some(user) }).await
}

/// Disables the user of somebody who may; false where there is nobody to
/// disable.
pub async fn apply(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> Result<bool, Error> {
    if db::users::disable(tx, tenant, id).await?.is_none() {
        return Ok(false);
    }
    sessions::end_all(app, tx, tenant, id).await?;
    db::reset_tokens::end_all(tx, tenant, id).await?;
    db::password_mails::end_all(tx, tenant, id).await?;
    tx.publish(Event::from(UserDisabled {
        user_id: id.to_string(),
    }));
    Ok(true)
}

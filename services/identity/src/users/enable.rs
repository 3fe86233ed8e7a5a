//! Enables a disabled user. The status is what it was before, because it is
//! derived.

use contract::{
    Id,
    identity::{EnableUserRequest, EnableUserResponse, Event, Tenant, User, UserEnabled},
};
use rpc::{Caller, Error};
use store::Tx;

use crate::{Identity, authority, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: EnableUserRequest,
) -> Result<EnableUserResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    apply(&mut tx, tenant, id).await?;
    let user = super::read(&mut tx, tenant, id).await?;
    tx.commit(EnableUserResponse { user: Some(user) }).await
}

/// Enables the user of somebody who may; false where there is nobody to enable.
pub async fn apply(tx: &mut Tx, tenant: Id<Tenant>, id: Id<User>) -> Result<bool, Error> {
    if db::users::enable(tx, tenant, id).await?.is_none() {
        return Ok(false);
    }
    tx.publish(Event::from(UserEnabled {
        user_id: id.to_string(),
    }));
    Ok(true)
}

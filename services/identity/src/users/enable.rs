//! Enables a disabled user. The status is what it was before, because it is
//! derived.

use contract::{
    Id,
    identity::{EnableUserRequest, EnableUserResponse, Event, User, UserEnabled},
};
use rpc::{Caller, Error};

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
    if db::users::enable(&mut tx, tenant, id).await?.is_some() {
        tx.publish(Event::from(UserEnabled {
            user_id: id.to_string(),
        }));
    }
    let user = super::read(&mut tx, tenant, id).await?;
    tx.commit(EnableUserResponse { user: Some(user) }).await
}

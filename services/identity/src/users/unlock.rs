//! Clears a lockout, and what counts towards one (requirement P-06).

use contract::{
    Id,
    identity::{Event, UnlockUserRequest, UnlockUserResponse, User, UserUnlocked},
};
use rpc::{Caller, Error};

use crate::{Identity, authority, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: UnlockUserRequest,
) -> Result<UnlockUserResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if db::attempts::unlock(&mut tx, tenant, id).await? {
        tx.publish(Event::from(UserUnlocked {
            user_id: id.to_string(),
        }));
    }
    let user = super::read(&mut tx, tenant, id).await?;
    tx.commit(UnlockUserResponse { user: Some(user) }).await
}

//! Forgets all devices of a user, and ends their sessions.

use contract::identity::{
    AllDevicesRevoked, Event, RevokeAllDevicesRequest, RevokeAllDevicesResponse,
};
use rpc::{Caller, Error};

use crate::{Identity, authority, db, sessions, users};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RevokeAllDevicesRequest,
) -> Result<RevokeAllDevicesResponse, Error> {
    let (tenant, user) = caller.whose(&ask.user_id)?;
    let there = caller.acting_in(tenant);
    if let Some(reply) = app.store.begin(&there, &ask).await?.replay()? {
        return Ok(reply);
    }
    if caller.user != Some(user) {
        authority::may_change(app, caller, user).await?;
    }
    let mut tx = app.store.begin(&there, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if db::users::email(&mut tx, tenant, user).await?.is_none() {
        return Err(users::not_found());
    }
    if db::devices::delete_all(&mut tx, tenant, user).await? > 0 {
        db::sessions::end_from(&mut tx, tenant, user, None).await?;
        sessions::forget(app, &mut tx, user);
        tx.publish(Event::from(AllDevicesRevoked {
            user_id: user.to_string(),
        }));
    }
    tx.commit(RevokeAllDevicesResponse {}).await
}

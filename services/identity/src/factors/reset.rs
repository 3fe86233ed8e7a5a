//! Removes all factors of a user who lost them (requirement M-03). The password
//! stays: whoever has it enrols a factor at the next login where one is
//! required.

use contract::{
    Id,
    identity::{ErrorReason, Event, FactorsReset, ResetFactorsRequest, ResetFactorsResponse, User},
};
use rpc::{Because as _, Caller, Error};

use super::{Origin, changed};
use crate::{Identity, authority, db, users};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ResetFactorsRequest,
) -> Result<ResetFactorsResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if caller.user == Some(id) {
        return Err(ErrorReason::OwnAccount
            .because("nobody resets their own factors; remove them one by one"));
    }
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    // Whatever the status: changes of factors come one after the other.
    db::users::lock_any(&mut tx, tenant, id)
        .await?
        .ok_or_else(users::not_found)?;
    db::totp_factors::remove(&mut tx, tenant, id).await?;
    db::sms_factors::remove(&mut tx, tenant, id).await?;
    db::recovery_codes::erase(&mut tx, tenant, id).await?;
    changed(app, &mut tx, tenant, id, Origin::Elsewhere).await?;
    tx.publish(Event::from(FactorsReset {
        user_id: id.to_string(),
    }));
    let user = users::read(&mut tx, tenant, id).await?;
    tx.commit(ResetFactorsResponse { user: Some(user) }).await
}

//! Removes all factors of a user who lost them (requirement M-03). The password
//! stays: whoever has it enrols a factor at the next login where one is
//! required.

use contract::{
    Id,
    identity::{
        ErrorReason, Event, FactorsReset, ResetFactorsRequest, ResetFactorsResponse, Tenant, User,
    },
};
use rpc::{Because as _, Caller, Error};
use store::Tx;

use super::changed;
use crate::{Identity, authority, db, sessions::Spare, users};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ResetFactorsRequest,
) -> Result<ResetFactorsResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    not_oneself(caller, id)?;
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    apply(app, &mut tx, tenant, id).await?;
    let user = users::read(&mut tx, tenant, id).await?;
    tx.commit(ResetFactorsResponse { user: Some(user) }).await
}

/// Refuses one's own account.
pub fn not_oneself(caller: &Caller, id: Id<User>) -> Result<(), Error> {
    if caller.user == Some(id) {
        return Err(ErrorReason::OwnAccount
            .because("nobody resets their own factors; remove them one by one"));
    }
    Ok(())
}

/// Removes all factors of the user of somebody who may.
pub async fn apply(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> Result<(), Error> {
    // Whatever the status: changes of factors come one after the other.
    db::users::lock_any(tx, tenant, id)
        .await?
        .ok_or_else(users::not_found)?;
    db::totp_factors::remove(tx, tenant, id).await?;
    db::sms_factors::remove(tx, tenant, id).await?;
    db::recovery_codes::erase(tx, tenant, id).await?;
    changed(app, tx, tenant, id, Spare::Nothing).await?;
    tx.publish(Event::from(FactorsReset {
        user_id: id.to_string(),
    }));
    Ok(())
}

//! Removes one's own factor.

use contract::identity::{
    ErrorReason, Event, FactorKind, FactorRemoved, RemoveFactorRequest, RemoveFactorResponse,
};
use rpc::{Because as _, Caller, Error};

use super::{Standing, changed, get, not_enrolled, own::Own};
use crate::{Identity, db, sessions::Spare};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RemoveFactorRequest,
) -> Result<RemoveFactorResponse, Error> {
    let own = Own::of(caller)?;
    let (tenant, user, kind) = (own.tenant, own.user, ask.kind());
    let mut tx = app.store.begin(&own.caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    own.fresh(&mut tx).await?;
    let removed = match kind {
        FactorKind::Totp => db::totp_factors::remove(&mut tx, tenant, user).await?,
        FactorKind::Sms => db::sms_factors::remove(&mut tx, tenant, user).await?,
        FactorKind::Unspecified => false,
    };
    if !removed {
        return Err(not_enrolled());
    }
    let left = Standing::read(&mut tx, tenant, user).await?;
    if left.required && !left.is_usable() {
        return Err(ErrorReason::FactorRequired
            .because("a second factor is required of you; enrol another one first"));
    }
    if !left.totp && !left.sms {
        db::recovery_codes::erase(&mut tx, tenant, user).await?;
    }
    changed(app, &mut tx, tenant, user, Spare::Session(own.session)).await?;
    tx.publish(Event::from(FactorRemoved {
        user_id: user.to_string(),
        kind: kind.into(),
    }));
    let factors = Some(get::read(&mut tx, tenant, user).await?);
    tx.commit(RemoveFactorResponse { factors }).await
}

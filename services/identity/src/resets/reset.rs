//! Sets a new password with the token of a mailed link. The second factor
//! stays: it is asked for at the next login (OWASP ASVS 6.4.3). What others
//! guessed in a row counts no more, and keeps nobody out (B-9).

use contract::identity::{
    ErrorReason, Event, ResetPasswordRequest, ResetPasswordResponse, UserUnlocked,
};
use rpc::{Because as _, Caller, Error};

use super::PURPOSE;
use crate::{
    Identity, db,
    passwords::{MOST_REFUSED, another, renew, terms_of},
    sessions::Spare,
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ResetPasswordRequest,
) -> Result<ResetPasswordResponse, Error> {
    let hash = app.store.keys().keyed_hash(PURPOSE, ask.token.as_bytes());
    let mut tx = app.store.worker().await?;
    let token = db::reset_tokens::by_token(&mut tx, &hash)
        .await?
        .ok_or_else(ended)?;
    let (tenant, id) = (token.tenant_id, token.user_id);
    let terms = terms_of(app, &mut tx, tenant, id).await?;
    drop(tx);
    // Before the token is used up: a refused password may be tried again, some times.
    let former = terms.former();
    let place = app.hashing.place()?;
    place.of(&tenant)?;
    let hashed = another(app, &place, (tenant, id), &ask.password, terms).await;
    drop(place);
    if matches!(&hashed, Err(error) if error.is(ErrorReason::PasswordRefused)) {
        let mut tx = app.store.tenant(tenant, caller).await?;
        db::reset_tokens::refuse(&mut tx, tenant, token.id, MOST_REFUSED).await?;
        tx.done().await?;
    }
    let kept = hashed?;

    let mut tx = app.store.tenant(tenant, caller).await?;
    db::users::lock(&mut tx, tenant, id, "ACTIVE")
        .await?
        .ok_or_else(ended)?;
    if !db::reset_tokens::redeem(&mut tx, tenant, token.id).await? {
        return Err(ended());
    }
    tx.set_actor(id, tenant);
    renew(app, &mut tx, (tenant, id), kept, former, Spare::Nothing).await?;
    if db::attempts::forgive(&mut tx, tenant, id).await? {
        tx.publish(Event::from(UserUnlocked {
            user_id: id.to_string(),
        }));
    }
    tx.done().await?;
    Ok(ResetPasswordResponse {})
}

fn ended() -> Error {
    ErrorReason::ResetTokenEnded.because("the link was used or is too old; ask for a new one")
}

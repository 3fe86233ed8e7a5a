//! Sets a new password with the token of a mailed link. The second factor
//! stays: it is asked for at the next login (OWASP ASVS 6.4.3).

use contract::identity::{
    ErrorReason, Event, MfaPolicy, PasswordChanged, ResetPasswordRequest, ResetPasswordResponse,
};
use rpc::{Because as _, Caller, Error};

use super::PURPOSE;
use crate::{
    Identity, db,
    passwords::{self, KEY_VERSION},
    sessions,
    users::names::Names,
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
    let user = db::users::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(ended)?;
    let settings = db::tenants::get(&mut tx, tenant).await?.ok_or_else(ended)?;
    drop(tx);
    // Before the token is used up: a refused password may be tried again.
    let names = Names::of(
        &user.first_name,
        &user.last_name,
        &user.username,
        &user.email,
    )
    .ok_or_else(|| Error::fault("kept names do not fit"))?;
    let required = db::tenants::policy(&settings.mfa_policy) == MfaPolicy::Required;
    passwords::check(&ask.password, required, &names, &settings.name)?;
    let place = app.hashing.place()?;
    let hash = app.hashing.hash(&place, &ask.password).await?;
    drop(place);

    let mut tx = app.store.tenant(tenant, caller).await?;
    db::users::lock(&mut tx, tenant, id, "ACTIVE")
        .await?
        .ok_or_else(ended)?;
    if !db::reset_tokens::redeem(&mut tx, tenant, token.id).await? {
        return Err(ended());
    }
    db::reset_tokens::end_all(&mut tx, tenant, id).await?;
    db::passwords::set(&mut tx, tenant, id, &hash, KEY_VERSION).await?;
    sessions::end_all(app, &mut tx, tenant, id).await?;
    tx.set_actor(id, tenant);
    tx.publish(Event::from(PasswordChanged {
        user_id: id.to_string(),
    }));
    tx.done().await?;
    Ok(ResetPasswordResponse {})
}

fn ended() -> Error {
    ErrorReason::ResetTokenEnded.because("the link was used or is too old; ask for a new one")
}

//! Proves a password. Whatever is wrong, and for whomever, the same is done
//! and the same is answered (requirement P-01, B-1).

use contract::{
    Id,
    identity::{ErrorReason, LoginProof, LoginRequest, LoginResponse, Tenant, User},
};
use rpc::{Because as _, Caller, Error};

use super::{flow, names};
use crate::{Identity, db, lockouts::Charge};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: LoginRequest,
) -> Result<LoginResponse, Error> {
    // First: a refusal for want of room must cost nothing.
    let place = app.hashing.place()?;
    let named = names::find(app, &ask.tenant, &ask.username).await?;
    let Some(charge) = Charge::take(app, caller, named.who, LoginProof::Password).await? else {
        // Locked. The right password is not even looked at, and it takes as long.
        app.hashing.verify(&place, &ask.password, None).await?;
        return Err(wrong());
    };
    let right = match app
        .hashing
        .verify(&place, &ask.password, named.hash.as_deref())
        .await
    {
        Ok(right) => right,
        // Without an answer nothing was checked.
        Err(error) => {
            charge.refund().await?;
            return Err(error);
        }
    };
    drop(place);
    match (names::known(named.who), named.hash) {
        (Some((tenant, user)), Some(hash)) if right => {
            proven(app, caller, &ask, (tenant, user), &hash, charge).await
        }
        _ => {
            charge.fail().await?;
            Err(wrong())
        }
    }
}

async fn proven(
    app: &Identity,
    caller: &Caller,
    ask: &LoginRequest,
    (tenant, user): (Id<Tenant>, Id<User>),
    hash: &str,
    charge: Charge,
) -> Result<LoginResponse, Error> {
    let mut tx = app.store.tenant(tenant, caller).await?;
    // The password may have been changed, or the user disabled, meanwhile.
    if db::users::lock_for_login(&mut tx, tenant, user, hash)
        .await?
        .is_none()
    {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    charge.pass(&mut tx).await?;
    tx.set_actor(user, tenant);
    let begun = flow::begin(app, &mut tx, tenant, user, ask.enrol_totp).await?;
    let outcome = flow::advance(app, &mut tx, caller, tenant, begun).await?;
    tx.done().await?;
    Ok(LoginResponse {
        outcome: Some(outcome.into()),
    })
}

fn wrong() -> Error {
    ErrorReason::CredentialsWrong
        .because("username and password do not fit together, or the account cannot log in now")
}

//! Proves a password. Whatever is wrong, and for whomever, the same is done
//! and the same is answered (requirement P-01, B-1).

use contract::{
    Id,
    identity::{LoginRequest, LoginResponse, Tenant, User},
};
use rpc::{Caller, Error};

use super::{
    flow::{self, Wishes},
    names::{self, Name, wrong},
};
use crate::{Identity, db, lockouts::Charge};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: LoginRequest,
) -> Result<LoginResponse, Error> {
    // First: a refusal for want of room must cost nothing.
    let place = app.hashing.place()?;
    let name = Name {
        tenant: &ask.tenant,
        username: &ask.username,
        device_token: &ask.device_token,
    };
    let Some((charge, hash)) = Charge::take_named(app, caller, &name).await? else {
        // Locked. The right password is not even looked at, and it takes as long.
        app.hashing.verify(&place, &ask.password, None).await?;
        return Err(wrong());
    };
    let right = match app
        .hashing
        .verify(&place, &ask.password, hash.as_deref())
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
    match (names::known(charge.who()), hash) {
        (Some(user), Some(hash)) if right => {
            let wishes = Wishes {
                device: charge.who().device(),
                device_name: ask.device_name,
                trust_device: ask.trust_device,
                enrol_totp: ask.enrol_totp,
            };
            proven(app, caller, user, wishes, &hash, charge).await
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
    (tenant, user): (Id<Tenant>, Id<User>),
    wishes: Wishes,
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
    let begun = flow::begin(app, &mut tx, tenant, user, &wishes).await?;
    let outcome = flow::advance(app, &mut tx, caller, tenant, begun).await?;
    tx.done().await?;
    Ok(LoginResponse {
        outcome: Some(outcome.into()),
    })
}

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
use crate::{
    Identity, db,
    lockouts::Charge,
    passwords::{Kept, Place},
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: LoginRequest,
) -> Result<LoginResponse, Error> {
    // First: a refusal for want of room must cost nothing.
    let place = app.hashing.place()?;
    place.of(&names::tenant(&ask.tenant))?;
    let name = Name {
        tenant: &ask.tenant,
        username: &ask.username,
        device_token: &ask.device_token,
    };
    let Some((charge, password)) = Charge::take_named(app, caller, &name).await? else {
        // Locked. The right password is not even looked at, and it takes as long.
        app.hashing.verify(&place, &ask.password, None).await?;
        return Err(wrong());
    };
    if let Err(error) = place.of(&charge.who().tenant()) {
        charge.refund().await?;
        return Err(error);
    }
    let kept = password.as_ref().map(|password| &password.kept);
    let right = match app.hashing.verify(&place, &ask.password, kept).await {
        Ok(right) => right,
        // Without an answer nothing was checked.
        Err(error) => {
            charge.refund().await?;
            return Err(error);
        }
    };
    match (names::known(charge.who()), password) {
        (Some(whose), Some(password)) if right => {
            let proven = Proven {
                whose,
                renewed: renewed(app, &place, &ask.password, &password).await,
                password,
            };
            drop(place);
            let wishes = Wishes {
                device: charge.who().device(),
                device_name: ask.device_name,
                trust_device: ask.trust_device,
                enrol_totp: ask.enrol_totp,
            };
            go_on(app, caller, proven, wishes, charge).await
        }
        _ => {
            charge.fail().await?;
            Err(wrong())
        }
    }
}

/// A password that was right.
struct Proven {
    whose: (Id<Tenant>, Id<User>),
    password: db::passwords::Row,
    /// The same as it is kept now, where it was kept otherwise.
    renewed: Option<Kept>,
}

/// Hashes a password as it is kept now, where it was kept otherwise: by another
/// system, with other parameters, or under an earlier key (B-6). A login does
/// not fail because that does; the next one tries again.
async fn renewed(
    app: &Identity,
    place: &Place,
    password: &str,
    before: &db::passwords::Row,
) -> Option<Kept> {
    if app.hashing.is_current(&before.kept) {
        return None;
    }
    let hashed = app.hashing.hash_as_is(place, password).await;
    hashed
        .inspect_err(|error| tracing::warn!(%error, "a password stays hashed as it was"))
        .ok()
}

async fn go_on(
    app: &Identity,
    caller: &Caller,
    proven: Proven,
    wishes: Wishes,
    charge: Charge,
) -> Result<LoginResponse, Error> {
    let (tenant, user) = proven.whose;
    let mut tx = app.store.tenant(tenant, caller).await?;
    // The password may have been changed, or the user disabled, meanwhile.
    if db::users::lock_for_login(&mut tx, tenant, user, proven.password.id)
        .await?
        .is_none()
    {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    if let Some(renewed) = &proven.renewed {
        db::passwords::rehash(&mut tx, tenant, user, &proven.password, renewed).await?;
    }
    tx.set_actor(user, tenant);
    let begun = flow::begin(app, &mut tx, tenant, user, &wishes).await?;
    let outcome = flow::advance(app, &mut tx, caller, tenant, begun).await?;
    // Last: the budget of the address, which is that of all who log in from there,
    // stays locked until the commit.
    charge.pass(&mut tx).await?;
    tx.done().await?;
    Ok(LoginResponse {
        outcome: Some(outcome.into()),
    })
}

//! Proves again who is there, before factors are changed (B-11; OWASP ASVS
//! 7.5.1). Password and code are charged like those of a login.

use contract::identity::{
    ErrorReason, Event, LoginProof, ReauthenticateRequest, ReauthenticateResponse, Reauthenticated,
    reauthenticate_request::Second,
};
use rpc::{Because as _, Caller, Error};
use uuid::Uuid;

use super::{
    Standing,
    own::Own,
    prove::{PASSWORD, Proof},
    wrong,
};
use crate::{Identity, db, timestamp};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ReauthenticateRequest,
) -> Result<ReauthenticateResponse, Error> {
    let own = Own::of(caller)?;
    let proof = ask.second.map(|second| match second {
        Second::TotpCode(code) => Proof::Totp(code),
        Second::SmsCode(code) => Proof::Sms(code),
        Second::RecoveryCode(code) => Proof::RecoveryCode(code),
    });
    let mut tx = app.store.tenant(own.tenant, &own.caller).await?;
    let standing = Standing::read(&mut tx, own.tenant, own.user).await?;
    drop(tx);
    // Before the password is checked, so that this tells nothing about it.
    if standing.is_usable() && proof.is_none() {
        return Err(Error::field(
            "second",
            "is needed: a second factor is enrolled",
        ));
    }
    let current = password(app, &own, &ask.password).await?;
    let charge = match &proof {
        Some(proof) => Some(own.charge(app, proof.kind()).await?.ok_or_else(wrong)?),
        None => None,
    };
    let mut tx = app.store.tenant(own.tenant, &own.caller).await?;
    db::users::lock_for_login(&mut tx, own.tenant, own.user, current)
        .await?
        .ok_or_else(refused)?;
    let mut end = own.prove(&mut tx, PASSWORD).await?;
    if let (Some(proof), Some(charge)) = (proof, charge) {
        if !proof.accept(app, &mut tx, own.holder()).await? {
            drop(tx);
            charge.fail().await?;
            return Err(wrong());
        }
        charge.pass(&mut tx).await?;
        end = own.prove(&mut tx, proof.name()).await?;
    }
    tx.publish(Event::from(Reauthenticated {
        user_id: own.user.to_string(),
        session_id: own.session.to_string(),
    }));
    tx.done().await?;
    Ok(ReauthenticateResponse {
        expire_time: Some(timestamp(end)),
    })
}

/// Checks the password; which it is where it is right.
async fn password(app: &Identity, own: &Own, password: &str) -> Result<Uuid, Error> {
    let place = app.hashing.place()?;
    place.of(&own.tenant)?;
    let mut tx = app.store.tenant(own.tenant, &own.caller).await?;
    let current = db::passwords::current(&mut tx, own.tenant, own.user).await?;
    drop(tx);
    let charge = own.charge(app, LoginProof::Password).await?;
    let charge = charge.ok_or_else(refused)?;
    let kept = current.as_ref().map(|current| &current.kept);
    let right = match app.hashing.verify(&place, password, kept).await {
        Ok(right) => right,
        // Without an answer nothing was checked.
        Err(error) => {
            charge.refund().await?;
            return Err(error);
        }
    };
    match current {
        Some(current) if right => {
            charge.refund().await?;
            Ok(current.id)
        }
        _ => {
            charge.fail().await?;
            Err(refused())
        }
    }
}

fn refused() -> Error {
    ErrorReason::CredentialsWrong.because("the password is wrong, or the account cannot log in now")
}

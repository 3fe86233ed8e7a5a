//! Changes one's own password. The current one is proven, at the one budget of
//! wrong answers that a user has (B-4): who finds an open session cannot guess
//! at the password there.

use contract::identity::{ChangePasswordRequest, ChangePasswordResponse, ErrorReason, LoginProof};
use rpc::{Because as _, Caller, Error};

use super::{another, renew, terms_of};
use crate::{
    Identity, db,
    lockouts::{Charge, Who},
    sessions::Spare,
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ChangePasswordRequest,
) -> Result<ChangePasswordResponse, Error> {
    let (tenant, user) = caller.whose("")?;
    let there = caller.acting_in(tenant);
    let mut tx = app.store.begin(&there, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let terms = terms_of(app, &mut tx, tenant, user).await?;
    let terms = terms.of_field("new_password");
    let current = db::passwords::current(&mut tx, tenant, user)
        .await?
        .ok_or_else(wrong)?;
    drop(tx);

    let place = app.hashing.place()?;
    place.of(&tenant)?;
    let charge = Charge::take(app, &there, Who::User(tenant, user), LoginProof::Password)
        .await?
        .ok_or_else(wrong)?;
    let proven = app
        .hashing
        .verify(&place, &ask.current_password, Some(&current.kept));
    match proven.await {
        Ok(true) => {}
        Ok(false) => {
            charge.fail().await?;
            return Err(wrong());
        }
        // Without an answer nothing was checked.
        Err(error) => {
            charge.refund().await?;
            return Err(error);
        }
    }
    let former = terms.former();
    let kept = match another(app, &place, (tenant, user), &ask.new_password, terms).await {
        Ok(kept) => kept,
        Err(error) => {
            charge.refund().await?;
            return Err(error);
        }
    };
    drop(place);

    let mut tx = app.store.begin(&there, &ask).await?;
    if let Some(reply) = tx.replay()? {
        charge.refund().await?;
        return Ok(reply);
    }
    // It may have been changed, or the user disabled, meanwhile.
    let unchanged = db::users::lock_for_login(&mut tx, tenant, user, current.id).await?;
    if unchanged.is_none() {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    charge.pass(&mut tx).await?;
    let spare = caller.session.map_or(Spare::Nothing, Spare::Session);
    renew(app, &mut tx, (tenant, user), kept, former, spare).await?;
    tx.commit(ChangePasswordResponse {}).await
}

fn wrong() -> Error {
    ErrorReason::PasswordWrong
        .because("the current password is wrong, or the account is locked for now")
        .violation("current_password", "must be the one in force")
}

//! Mails a user a fresh temporary password (requirement P-04).

use contract::{
    Id,
    identity::{ErrorReason, ResendPasswordRequest, ResendPasswordResponse, User},
};
use rpc::{Because as _, Caller, Error};

use super::{lock_addressee, mails};
use crate::{Identity, authority};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ResendPasswordRequest,
) -> Result<ResendPasswordResponse, Error> {
    let (tenant, user): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    not_oneself(caller, user)?;
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_change(app, caller, user).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let email = lock_addressee(&mut tx, tenant, user).await?;
    let copy = Some(ask.copy_email.as_str()).filter(|email| !email.is_empty());
    mails::ask(app, &mut tx, (tenant, user, &email), None, copy).await?;
    tx.commit(ResendPasswordResponse {}).await
}

/// Refuses one's own account: who found an open session would have a password
/// mailed to themselves, as a copy, and be in for good.
fn not_oneself(caller: &Caller, id: Id<User>) -> Result<(), Error> {
    if caller.user == Some(id) {
        let why = "nobody has a password sent to themselves; change it";
        return Err(ErrorReason::OwnAccount.because(why));
    }
    Ok(())
}

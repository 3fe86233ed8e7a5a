//! Mails a user a fresh temporary password (requirement P-04).

use contract::{
    Id,
    identity::{ResendPasswordRequest, ResendPasswordResponse, User},
};
use rpc::{Caller, Error};

use super::{lock_addressee, mails};
use crate::{Identity, authority};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ResendPasswordRequest,
) -> Result<ResendPasswordResponse, Error> {
    let (tenant, user): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_change(app, caller, user).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    lock_addressee(&mut tx, tenant, user).await?;
    let copy = Some(ask.copy_email.as_str()).filter(|email| !email.is_empty());
    mails::ask(app, &mut tx, (tenant, user), None, copy).await?;
    tx.commit(ResendPasswordResponse {}).await
}

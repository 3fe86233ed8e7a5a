//! Mints the token of a password-reset link, while the mail is rendered: no
//! secret waits in a queue, and a mail that is sent again has another.

use std::time::Duration;

use contract::{
    Id,
    identity::{IssuePasswordResetTokenRequest, IssuePasswordResetTokenResponse, User},
};
use rpc::{Caller, Error};
use store::Keys;

use crate::{Identity, db, resets, timestamp, users};

/// How long a link works.
const LIFETIME: Duration = Duration::from_mins(30);

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: IssuePasswordResetTokenRequest,
) -> Result<IssuePasswordResetTokenResponse, Error> {
    let (tenant, user): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    let token = Keys::token();
    let hash = app
        .store
        .keys()
        .keyed_hash(resets::PURPOSE, token.as_bytes());
    let mut tx = app.store.tenant(tenant, caller).await?;
    db::users::lock(&mut tx, tenant, user, "ACTIVE")
        .await?
        .ok_or_else(users::not_found)?;
    db::reset_tokens::end_all(&mut tx, tenant, user).await?;
    // Under the lock: what goes to an address ends when the address is another's.
    let email = users::read(&mut tx, tenant, user).await?.email;
    let id = Id::<User>::new().uuid();
    let expire_time = db::reset_tokens::insert(&mut tx, tenant, id, user, &hash, LIFETIME).await?;
    tx.done().await?;
    Ok(IssuePasswordResetTokenResponse {
        token,
        expire_time: Some(timestamp(expire_time)),
        email,
    })
}

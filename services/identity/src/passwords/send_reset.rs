//! Sends a user the mail with a link for setting another password (requirement
//! P-02).

use contract::{
    Id,
    identity::{
        Event, PasswordResetRequested, SendPasswordResetRequest, SendPasswordResetResponse, User,
    },
};
use rpc::{Caller, Error};

use super::lock_addressee;
use crate::{
    Identity, authority,
    users::mail_counts::{self, Occasion},
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: SendPasswordResetRequest,
) -> Result<SendPasswordResetResponse, Error> {
    let (tenant, user): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    authority::may_change(app, caller, user).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let email = lock_addressee(&mut tx, tenant, user).await?;
    mail_counts::allow(app, &mut tx, tenant, &email, Occasion::ByAdmin).await?;
    tx.publish(Event::from(PasswordResetRequested {
        user_id: user.to_string(),
    }));
    tx.commit(SendPasswordResetResponse {}).await
}

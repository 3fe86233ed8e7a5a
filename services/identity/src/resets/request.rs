//! Asks for a reset mail.

use contract::{
    errors,
    identity::{
        Event, PasswordResetRequested, RequestPasswordResetRequest, RequestPasswordResetResponse,
    },
};
use rpc::{Because as _, Caller, Error};
use tokio::sync::mpsc;

use crate::{
    Identity, db,
    logins::names::{self, Name, known},
    users::{
        self,
        mail_counts::{self, Occasion},
    },
};

/// The most requests that wait in this process.
pub const QUEUE: usize = 1000;

/// A request that was answered and is still to be looked at.
pub struct Asked {
    caller: Caller,
    tenant: String,
    username: String,
}

/// Takes the request in and answers. It waits in memory for some
/// milliseconds: a crash loses it, and the person asks again.
pub fn run(
    app: &Identity,
    caller: &Caller,
    ask: RequestPasswordResetRequest,
) -> Result<RequestPasswordResetResponse, Error> {
    let asked = Asked {
        caller: caller.clone(),
        tenant: ask.tenant,
        username: ask.username,
    };
    app.resets.try_send(asked).map_err(|_| {
        errors::ErrorReason::Overloaded
            .because("too many requests for reset mails; try again later")
    })?;
    Ok(RequestPasswordResetResponse {})
}

/// Works requests off, one after the other, until the sender is gone.
pub async fn work(app: &Identity, queue: &mut mpsc::Receiver<Asked>) {
    while let Some(asked) = queue.recv().await {
        if let Err(error) = settle(app, asked).await {
            tracing::warn!(%error, "a request for a reset mail was lost");
        }
    }
}

async fn settle(app: &Identity, asked: Asked) -> Result<(), Error> {
    let name = Name {
        tenant: &asked.tenant,
        username: &asked.username,
        device_token: "",
    };
    let mut tx = app.store.worker().await?;
    let named = names::find(app, &mut tx, &name).await?;
    drop(tx);
    let Some((tenant, user)) = known(named.who) else {
        return Ok(());
    };
    let mut tx = app.store.tenant(tenant, &asked.caller).await?;
    // Locked, so that two at the same time are not both the third.
    if db::users::lock(&mut tx, tenant, user, "ACTIVE")
        .await?
        .is_none()
    {
        return Ok(());
    }
    let email = users::read(&mut tx, tenant, user).await?.email;
    if mail_counts::count(app, &mut tx, tenant, &email, Occasion::AskedFor).await? {
        tx.publish(Event::from(PasswordResetRequested {
            user_id: user.to_string(),
        }));
    }
    tx.done().await
}

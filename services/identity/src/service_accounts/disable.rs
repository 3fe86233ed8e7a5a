//! Disables a service account: none of its keys works from the commit on.

use contract::{
    Id,
    identity::{
        DisableServiceAccountRequest, DisableServiceAccountResponse, ErrorReason, Event,
        ServiceAccount, ServiceAccountDisabled,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: DisableServiceAccountRequest,
) -> Result<DisableServiceAccountResponse, Error> {
    let (tenant, id): (_, Id<ServiceAccount>) = (caller.tenant()?, ask.service_account_id.parse()?);
    if caller.user == Some(super::subject(id)) {
        return Err(ErrorReason::OwnAccount.because("nobody disables their own account"));
    }
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    super::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if db::service_accounts::set_disabled(&mut tx, tenant, id, true).await? {
        sessions::forget(app, &mut tx, id);
        tx.publish(Event::from(ServiceAccountDisabled {
            service_account_id: id.to_string(),
        }));
    }
    let account = super::read(&mut tx, tenant, id).await?;
    tx.commit(DisableServiceAccountResponse {
        service_account: Some(account),
    })
    .await
}

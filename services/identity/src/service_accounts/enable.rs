//! Enables a disabled service account.

use contract::{
    Id,
    identity::{
        EnableServiceAccountRequest, EnableServiceAccountResponse, Event, ServiceAccount,
        ServiceAccountEnabled,
    },
};
use rpc::{Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: EnableServiceAccountRequest,
) -> Result<EnableServiceAccountResponse, Error> {
    let (tenant, id): (_, Id<ServiceAccount>) = (caller.tenant()?, ask.service_account_id.parse()?);
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    super::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if db::service_accounts::set_disabled(&mut tx, tenant, id, false).await? {
        tx.publish(Event::from(ServiceAccountEnabled {
            service_account_id: id.to_string(),
        }));
    }
    let account = super::read(&mut tx, tenant, id).await?;
    tx.commit(EnableServiceAccountResponse {
        service_account: Some(account),
    })
    .await
}

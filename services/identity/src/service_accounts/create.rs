//! Creates a service account.

use contract::{
    Id,
    identity::{
        CreateServiceAccountRequest, CreateServiceAccountResponse, Event, ServiceAccountCreated,
    },
};
use rpc::{Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateServiceAccountRequest,
) -> Result<CreateServiceAccountResponse, Error> {
    let tenant = caller.tenant()?;
    let (name, name_key) = super::name(&ask.name)?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let id = Id::new();
    let description = ask.description.trim();
    db::service_accounts::insert(&mut tx, tenant, id, (&name, &name_key), description)
        .await?
        .ok_or_else(super::name_taken)?;
    let account = super::read(&mut tx, tenant, id).await?;
    tx.publish(Event::from(ServiceAccountCreated {
        service_account_id: id.to_string(),
    }));
    tx.commit(CreateServiceAccountResponse {
        service_account: Some(account),
    })
    .await
}

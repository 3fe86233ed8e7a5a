//! Changes name and description of a service account.

use contract::{
    errors,
    identity::{
        Event, ServiceAccountUpdated, UpdateServiceAccountRequest, UpdateServiceAccountResponse,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: UpdateServiceAccountRequest,
) -> Result<UpdateServiceAccountResponse, Error> {
    let (tenant, id) = (caller.tenant()?, ask.service_account_id.parse()?);
    let name = ask.name.as_deref().map(super::name).transpose()?;
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    super::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let before = db::service_accounts::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    let version = before.version;
    if !ask.etag.is_empty() && ask.etag != version.to_string() {
        return Err(changed(version));
    }
    let (name, name_key) = name.unwrap_or((before.name, before.name_key));
    let description = ask.description.unwrap_or(before.description);
    db::service_accounts::update(
        &mut tx,
        (tenant, id, version),
        (&name, &name_key),
        description.trim(),
    )
    .await
    .map_err(taken)?
    .ok_or_else(|| changed(version))?;
    let account = super::read(&mut tx, tenant, id).await?;
    tx.publish(Event::from(ServiceAccountUpdated {
        service_account_id: id.to_string(),
    }));
    tx.commit(UpdateServiceAccountResponse {
        service_account: Some(account),
    })
    .await
}

fn taken(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => super::name_taken(),
        other => other.into(),
    }
}

fn changed(version: i64) -> Error {
    errors::ErrorReason::EtagMismatch
        .because("somebody changed the service account since it was read")
        .with("etag", version)
}

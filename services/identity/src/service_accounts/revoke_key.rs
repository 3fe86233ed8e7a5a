//! Ends a key at once.

use contract::{
    Id,
    identity::{ApiKey, ApiKeyRevoked, Event, RevokeApiKeyRequest, RevokeApiKeyResponse},
};
use rpc::{Caller, Error};

use crate::{Identity, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RevokeApiKeyRequest,
) -> Result<RevokeApiKeyResponse, Error> {
    let (tenant, id): (_, Id<ApiKey>) = (caller.tenant()?, ask.api_key_id.parse()?);
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let found = db::api_keys::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::key_not_found)?;
    drop(tx);
    super::may_change(app, caller, found.service_account_id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if !db::api_keys::delete(&mut tx, tenant, id).await? {
        return Err(super::key_not_found());
    }
    sessions::forget(app, &mut tx, id);
    tx.publish(Event::from(ApiKeyRevoked {
        api_key_id: id.to_string(),
        service_account_id: found.service_account_id.to_string(),
    }));
    tx.commit(RevokeApiKeyResponse {}).await
}

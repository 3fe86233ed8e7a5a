//! Makes a key in the place of another, which goes on working for a while.

use contract::{
    Id,
    identity::{ApiKey, ApiKeyCreated, Event, RotateApiKeyRequest, RotateApiKeyResponse},
};
use rpc::{Caller, Error};

use super::create_key;
use crate::{Identity, db, sessions};

/// The longest time that both keys work, in seconds.
const LONGEST: i64 = 30 * 24 * 3600;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RotateApiKeyRequest,
) -> Result<RotateApiKeyResponse, Error> {
    let (tenant, old): (_, Id<ApiKey>) = (caller.tenant()?, ask.api_key_id.parse()?);
    let overlap = create_key::seconds("overlap", ask.overlap.as_ref(), LONGEST)?;
    let mut tx = app.store.begin(caller, &ask).await?;
    tx.replay::<()>()?;
    let found = db::api_keys::get(&mut tx, tenant, old)
        .await?
        .ok_or_else(super::key_not_found)?;
    drop(tx);
    let account = found.service_account_id;
    super::may_change(app, caller, account).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    let like = (found.display_name.as_str(), found.lifetime);
    // First, so that without overlap there is room for the new one.
    db::api_keys::end_after(&mut tx, tenant, old, overlap)
        .await?
        .ok_or_else(super::key_not_found)?;
    let made = create_key::make(app, &mut tx, tenant, account, like).await?;
    sessions::forget(app, &mut tx, old);
    tx.publish(Event::from(ApiKeyCreated {
        api_key_id: made.row.id.to_string(),
        service_account_id: account.to_string(),
        replaced_api_key_id: old.to_string(),
    }));
    tx.commit_secret(RotateApiKeyResponse {
        key: made.key,
        api_key: Some(made.row.into()),
    })
    .await
}

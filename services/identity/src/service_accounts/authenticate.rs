//! Finds whose an API key is.

use std::sync::Arc;

use rpc::Error;

use super::create_key::{PREFIX, PURPOSE};
use crate::{Identity, db, sessions::cache::Live};

/// The key that a token is, where it works now; using it counts.
pub async fn find(app: &Identity, token: &str) -> Result<Option<Arc<Live>>, Error> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let now = app.store.clock().now();
    app.sessions.find(token, now, read(app, token)).await
}

async fn read(app: &Identity, token: &str) -> Result<Option<Live>, Error> {
    let key_hash = app.store.keys().keyed_hash(PURPOSE, token.as_bytes());
    let mut tx = app.store.worker().await?;
    let row = db::api_keys::by_hash(&mut tx, &key_hash).await?;
    Ok(row.map(|row| Live::api_key(&row, app.store.clock().now())))
}

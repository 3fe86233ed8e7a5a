//! Says whether a session token holds. The busiest call of all: it asks
//! Postgres only where memory does not know or is not to be believed.

use std::sync::Arc;

use contract::identity::{ValidateSessionRequest, ValidateSessionResponse};
use rpc::Error;

use super::{PREFIX, PURPOSE, cache::Live, ended};
use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    ask: &ValidateSessionRequest,
) -> Result<ValidateSessionResponse, Error> {
    let live = find(app, &ask.session_token).await?.ok_or_else(ended)?;
    let session = live.answer(app.store.clock().now());
    Ok(ValidateSessionResponse { session })
}

/// The session of a token that holds now; using it counts.
pub async fn find(app: &Identity, token: &str) -> Result<Option<Arc<Live>>, Error> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let now = app.store.clock().now();
    app.sessions.find(token, now, read(app, token)).await
}

async fn read(app: &Identity, token: &str) -> Result<Option<Live>, Error> {
    let token_hash = app.store.keys().keyed_hash(PURPOSE, token.as_bytes());
    let mut tx = app.store.worker().await?;
    let row = db::sessions::by_token(&mut tx, &token_hash).await?;
    Ok(row.map(|row| Live::session(row, app.store.clock().now())))
}

//! Says whether a session token holds. The busiest call of all: it asks
//! Postgres only where memory does not know or is not to be believed.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use contract::identity::{ValidateSessionRequest, ValidateSessionResponse};
use rpc::Error;

use super::{
    IDLE, PREFIX, PURPOSE,
    cache::{Live, TokenHash},
    ended,
};
use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    ask: &ValidateSessionRequest,
) -> Result<ValidateSessionResponse, Error> {
    let live = find(app, &ask.session_token).await?.ok_or_else(ended)?;
    let session = live.answer(app.store.clock().now());
    Ok(ValidateSessionResponse {
        session: Some(session),
    })
}

/// The session of a token that holds now; using it counts.
pub async fn find(app: &Identity, token: &str) -> Result<Option<Arc<Live>>, Error> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let now = app.store.clock().now();
    let mut hash: TokenHash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    let live = match app.sessions.get(&hash, now) {
        Some(live) => live,
        None => match read(app, token, hash).await? {
            Some(live) => live,
            None => return Ok(None),
        },
    };
    if !live.holds(now) {
        return Ok(None);
    }
    app.sessions.touch(&live, now);
    Ok(Some(live))
}

async fn read(app: &Identity, token: &str, hash: TokenHash) -> Result<Option<Arc<Live>>, Error> {
    let endings = app.sessions.endings();
    let token_hash = app.store.keys().keyed_hash(PURPOSE, token.as_bytes());
    let mut tx = app.store.worker().await?;
    let Some(row) = db::sessions::by_token(&mut tx, &token_hash, IDLE).await? else {
        return Ok(None);
    };
    let live = Arc::new(Live::new(row, app.store.clock().now()));
    app.sessions.keep(hash, &live, endings);
    Ok(Some(live))
}

//! Makes the first tokens of a session.

use contract::{
    Id,
    identity::{CreateTokensRequest, CreateTokensResponse, Tokens},
};
use rpc::{Caller, Error};

use super::{
    access,
    refresh::{self, FIRST},
};
use crate::{Identity, db, sessions};

/// The refresh tokens that a session may have at a time.
const MOST: i64 = 10;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateTokensRequest,
) -> Result<CreateTokensResponse, Error> {
    // Where the session is, which is where its user lives.
    let there = Caller {
        tenant: caller.home,
        ..caller.clone()
    };
    let tenant = there.tenant()?;
    // A service account has none.
    let session = caller.session.ok_or_else(sessions::ended)?;
    let mut tx = app.store.begin(&there, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let session = db::sessions::lock(&mut tx, tenant, session)
        .await?
        .ok_or_else(sessions::ended)?;
    let chain = Id::<Tokens>::new();
    db::refresh_chains::begin(&mut tx, tenant, chain, session.id, MOST).await?;
    let refresh_token = refresh::token(app, tenant, chain, FIRST);
    let tokens = access::mint(app, &session, refresh_token).await?;
    tx.commit_secret(CreateTokensResponse {
        tokens: Some(tokens),
    })
    .await
}

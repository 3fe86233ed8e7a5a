//! Exchanges a refresh token for the next (RFC 9700, section 4.14.2).
//!
//! A chain of refresh tokens has one holder. Its tokens are numbered, and a token
//! is nothing but tenant, chain and number, sealed: only this service can make
//! or read one, and of the chain two numbers are kept. The *newest* token is one
//! that nobody has used; its *parent* is the one for which it was made. The
//! newest is good for the next. So is the parent, once more and as often as need
//! be: whoever still shows it never got the newest, which is void from then on.
//! Any other token was superseded by one that somebody has used or has been
//! given in its place. To show it, its holder must have lost the chain to
//! another; which of the two stole it is not to be known, so the session ends
//! (B-16).

use contract::{
    Id,
    identity::{
        ErrorReason, Event, RefreshTokenReplayed, RefreshTokensRequest, RefreshTokensResponse,
        Tenant, Tokens,
    },
};
use rpc::{Because as _, Caller, Error};
use store::{Keys, Tx};

use super::access;
use crate::{Identity, db, sessions};

/// The number of the first token of a chain.
pub const FIRST: i64 = 1;

/// What a refresh token begins with, so that leaked ones can be found.
const PREFIX: &str = "usf_";
const PURPOSE: &str = "refresh token";

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: &RefreshTokensRequest,
) -> Result<RefreshTokensResponse, Error> {
    let (tenant, chain, number) = open(app.store.keys(), &ask.refresh_token).ok_or_else(ended)?;
    let mut tx = app.store.tenant(tenant, caller).await?;
    // The session first, as whoever ends it does: what comes second waits.
    let session = db::refresh_chains::use_session(&mut tx, tenant, chain)
        .await?
        .ok_or_else(ended)?;
    tx.set_actor(session.user_id, tenant);
    let Some(next) = db::refresh_chains::advance(&mut tx, tenant, chain, number).await? else {
        replayed(app, tx, &session).await?;
        return Err(ended());
    };
    let refresh_token = token(app, tenant, chain, next);
    let tokens = access::mint(app, &session, refresh_token).await?;
    tx.done().await?;
    Ok(RefreshTokensResponse {
        tokens: Some(tokens),
    })
}

/// Ends the session of a token with two holders.
async fn replayed(app: &Identity, mut tx: Tx, session: &db::sessions::Row) -> Result<(), Error> {
    db::sessions::end(&mut tx, session.tenant_id, session.user_id, session.id).await?;
    sessions::forget(app, &mut tx, session.id);
    tx.publish(Event::from(RefreshTokenReplayed {
        session_id: session.id.to_string(),
        user_id: session.user_id.to_string(),
    }));
    tx.done().await
}

/// The token of a number of a chain.
pub fn token(app: &Identity, tenant: Id<Tenant>, chain: Id<Tokens>, number: i64) -> String {
    let mut plain = [0; 40];
    plain[..16].copy_from_slice(tenant.uuid().as_bytes());
    plain[16..32].copy_from_slice(chain.uuid().as_bytes());
    plain[32..].copy_from_slice(&number.to_be_bytes());
    let sealed = app.store.keys().seal_text(PURPOSE, b"", &plain);
    format!("{PREFIX}{sealed}")
}

/// What a token says; `None` where we did not make it.
fn open(keys: &Keys, token: &str) -> Option<(Id<Tenant>, Id<Tokens>, i64)> {
    let plain = keys.open_text(PURPOSE, b"", token.strip_prefix(PREFIX)?)?;
    let (tenant, rest) = plain.split_first_chunk::<16>()?;
    let (chain, number) = rest.split_first_chunk::<16>()?;
    let number = i64::from_be_bytes(number.try_into().ok()?);
    let id = |bytes: &[u8; 16]| uuid::Uuid::from_bytes(*bytes);
    Some((id(tenant).into(), id(chain).into(), number))
}

fn ended() -> Error {
    ErrorReason::RefreshTokenEnded.because("this refresh token has ended; log in again")
}

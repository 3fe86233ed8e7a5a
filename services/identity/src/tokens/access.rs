//! Access tokens: what other systems verify by themselves with the key set (RFC
//! 9068). No service of the suite takes one: it is another class of token, for
//! another audience (B-14).

use chrono::DateTime;
use contract::{Id, identity::Tokens};
use rpc::Error;
use serde::Serialize;

use crate::{Identity, db::sessions::Row};

/// The `typ` of an access token.
const CLASS: &str = "at+jwt";
/// How long one is good, in seconds.
const LIFETIME: i64 = 300;

/// Who access tokens are from and for.
pub struct Names {
    /// The issuer, `iss`.
    pub issuer: String,
    /// The audience, `aud`.
    pub audience: String,
}

/// What an access token says.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    /// Whoever asked: Usher has no clients with names of their own.
    client_id: &'a str,
    tid: String,
    sid: String,
    acr: String,
    auth_time: i64,
    iat: i64,
    exp: i64,
    jti: String,
}

/// An access token for a session, and the refresh token that goes with it.
pub async fn mint(app: &Identity, session: &Row, refresh_token: String) -> Result<Tokens, Error> {
    let now = app.store.clock().now().timestamp();
    let claims = Claims {
        iss: &app.access.issuer,
        aud: &app.access.audience,
        sub: session.user_id.to_string(),
        client_id: &app.access.audience,
        tid: session.tenant_id.to_string(),
        sid: session.id.to_string(),
        acr: format!("aal{}", session.assurance_level),
        auth_time: session.create_time.timestamp(),
        iat: now,
        exp: (now + LIFETIME).min(session.expire_time.timestamp()),
        jti: Id::<Tokens>::new().to_string(),
    };
    let access_token = app.signing.sign(&app.store, CLASS, &claims).await?;
    let expire_time = DateTime::from_timestamp(claims.exp, 0).map(crate::timestamp);
    Ok(Tokens {
        access_token,
        expire_time,
        refresh_token,
    })
}

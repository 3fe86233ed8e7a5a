//! Issues the token by which a service of the suite proves itself.

use contract::{
    Id,
    identity::{ErrorReason, IssueServiceTokenRequest, IssueServiceTokenResponse},
};
use prost_types::Timestamp;
use rpc::{
    Because as _, Error,
    verify::{ISSUER, SERVICE},
};
use serde::Serialize;

use crate::Identity;

/// How long a token is good, in seconds.
const LIFETIME: i64 = 600;

/// What a service's token says.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
}

pub async fn run(
    app: &Identity,
    ask: &IssueServiceTokenRequest,
) -> Result<IssueServiceTokenResponse, Error> {
    if !app.service_keys.knows(&ask.service, &ask.key) {
        return Err(ErrorReason::ServiceKeyWrong.because("the service key is not a configured one"));
    }
    let now = app.store.clock().now().timestamp();
    let claims = Claims {
        iss: ISSUER,
        aud: ISSUER,
        sub: &ask.service,
        iat: now,
        exp: now + LIFETIME,
        jti: Id::<Claims<'static>>::new().to_string(),
    };
    let jwt = app.signing.sign(&app.store, SERVICE, &claims).await?;
    Ok(IssueServiceTokenResponse {
        jwt,
        expire_time: Some(Timestamp {
            seconds: claims.exp,
            nanos: 0,
        }),
    })
}

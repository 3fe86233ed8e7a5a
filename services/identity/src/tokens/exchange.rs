//! Makes a person's signed token from a session token, or a service account's
//! from an API key, for the gateway.

use std::sync::PoisonError;

use contract::{
    Id,
    authorization::{CheckRequest, access_service_client::AccessServiceClient},
    errors,
    identity::{ErrorReason, ExchangeTokenRequest, ExchangeTokenResponse, Tenant},
};
use prost_types::Timestamp;
use rpc::{
    Because as _, Caller, Error,
    verify::{ISSUER, PERSON},
};
use serde::Serialize;

use crate::{
    Identity, NAME, db,
    service_accounts::authenticate,
    sessions::{
        cache::{Credential, Live},
        validate,
    },
};

/// How long a token is good, in seconds.
const LIFETIME: i64 = 60;
/// How long it is handed out, so that whoever gets it has time to use it.
const HANDED_OUT: i64 = 30;
/// The permission to act in other tenants.
const OPERATE: &str = "tenants.operate";

/// A token that was made for a session. It goes with the session's entry in
/// memory, so none is handed out once the session has ended.
#[derive(Clone)]
pub struct Minted {
    /// The tenant as it was asked for.
    asked: String,
    jwt: String,
    /// Unix seconds.
    renew: i64,
    expire: i64,
}

/// What a person's token says (RFC 9068): see `rpc::Verifier`.
#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    aud: &'static str,
    sub: String,
    tid: String,
    hom: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    akid: Option<String>,
    iat: i64,
    exp: i64,
    jti: String,
}

pub async fn run(
    app: &Identity,
    ask: &ExchangeTokenRequest,
) -> Result<ExchangeTokenResponse, Error> {
    let live = match authenticate::find(app, &ask.token).await? {
        Some(live) => live,
        None => validate::find(app, &ask.token).await?.ok_or_else(invalid)?,
    };
    let now = app.store.clock().now().timestamp();
    let asked = ask.tenant.trim().to_lowercase();
    let kept = kept(&live, |minted| minted.asked == asked && now < minted.renew);
    let minted = match kept {
        Some(minted) => minted,
        None => mint(app, &live, asked, now).await?,
    };
    let expire_time = Some(Timestamp {
        seconds: minted.expire,
        nanos: 0,
    });
    Ok(ExchangeTokenResponse {
        jwt: minted.jwt,
        expire_time,
    })
}

fn kept(live: &Live, fits: impl Fn(&Minted) -> bool) -> Option<Minted> {
    let minted = live.minted.lock().unwrap_or_else(PoisonError::into_inner);
    minted.iter().find(|minted| fits(minted)).cloned()
}

async fn mint(app: &Identity, live: &Live, asked: String, now: i64) -> Result<Minted, Error> {
    let tenant = acting(app, live, &asked).await?;
    let expire = (now + LIFETIME).min(live.expire_time.timestamp());
    let (sid, akid) = match live.credential {
        Credential::Session(id) => (Some(id.to_string()), None),
        Credential::ApiKey(id) => (None, Some(id.to_string())),
    };
    let claims = Claims {
        iss: ISSUER,
        aud: ISSUER,
        sub: live.user.to_string(),
        tid: tenant.to_string(),
        hom: live.tenant.to_string(),
        sid,
        akid,
        iat: now,
        exp: expire,
        jti: Id::<Claims>::new().to_string(),
    };
    let jwt = app.signing.sign(&app.store, PERSON, &claims).await?;
    let minted = Minted {
        asked,
        jwt,
        renew: expire.min(now + HANDED_OUT),
        expire,
    };
    let mut all = live.minted.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|other| other.asked != minted.asked && now < other.renew);
    all.push(minted.clone());
    Ok(minted)
}

/// The tenant in which the token lets the user act.
async fn acting(app: &Identity, live: &Live, asked: &str) -> Result<Id<Tenant>, Error> {
    if asked.is_empty() {
        return Ok(live.tenant);
    }
    let mut tx = app.store.worker().await?;
    let found = db::tenants::active(&mut tx, asked).await?;
    drop(tx);
    if found == Some(live.tenant) {
        return Ok(live.tenant);
    }
    // Asked before it is told whether there is such a tenant.
    if !operates(app, live).await? {
        return Err(refused());
    }
    found.ok_or_else(refused)
}

async fn operates(app: &Identity, live: &Live) -> Result<bool, Error> {
    let channel = app
        .authorization
        .on_behalf_of(&Caller::system(NAME, live.tenant));
    let ask = CheckRequest {
        user_id: live.user.to_string(),
        permission: OPERATE.into(),
        ..CheckRequest::default()
    };
    let reply = AccessServiceClient::new(channel).check(ask).await?;
    Ok(reply.get_ref().allowed)
}

fn invalid() -> Error {
    errors::ErrorReason::CredentialInvalid.because("the session or the key has ended, or never was")
}

fn refused() -> Error {
    ErrorReason::TenantRefused.because("you may not act in this tenant")
}

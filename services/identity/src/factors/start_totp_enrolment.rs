//! Starts enrolling an authenticator from a session. Calling again replaces the
//! secret.

use std::time::Duration;

use contract::identity::{StartTotpEnrolmentRequest, StartTotpEnrolmentResponse};
use rpc::{Caller, Error};

use super::{IN_SESSION, PURPOSE, context, ended, own::Own, totp};
use crate::{Identity, db, tenants, timestamp, users};

/// How long an enrolment may take.
const LIFETIME: Duration = Duration::from_mins(10);

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: StartTotpEnrolmentRequest,
) -> Result<StartTotpEnrolmentResponse, Error> {
    let own = Own::of(caller)?;
    let (tenant, user) = (own.tenant, own.user);
    let mut tx = app.store.begin(&own.caller, &ask).await?;
    own.fresh(&mut tx).await?;
    let row = db::users::get(&mut tx, tenant, user)
        .await?
        .ok_or_else(users::not_found)?;
    let home = db::tenants::get(&mut tx, tenant)
        .await?
        .ok_or_else(tenants::not_found)?;
    let secret = totp::secret();
    let bound = context(tenant, user, IN_SESSION);
    let sealed = app.store.keys().seal(PURPOSE, &bound, secret.as_bytes());
    let end = db::totp_enrolments::set(&mut tx, tenant, own.session, &sealed, LIFETIME)
        .await?
        .ok_or_else(ended)?;
    let otpauth_uri = totp::uri(secret.as_bytes(), &home.display_name, &row.username)?;
    tx.commit_secret(StartTotpEnrolmentResponse {
        secret: secret.to_base32(),
        qr_png: totp::image(&otpauth_uri)?,
        otpauth_uri,
        expire_time: Some(timestamp(end)),
    })
    .await
}

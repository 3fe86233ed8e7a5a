//! Starts enrolling an authenticator, in a login that wants one. Calling again
//! replaces the secret.

use contract::identity::{EnrolTotpRequest, EnrolTotpResponse, LoginStep};
use rpc::{Caller, Error};

use super::{ENROLLING, PURPOSE, context, totp};
use crate::{Identity, db, logins::flow};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: EnrolTotpRequest,
) -> Result<EnrolTotpResponse, Error> {
    let flow = flow::find(app, &ask.flow_token, LoginStep::EnrolTotp).await?;
    let (tenant, user) = (flow.tenant_id, flow.user_id);
    let mut tx = app.store.tenant(tenant, caller).await?;
    let flow = flow::lock(&mut tx, &flow, LoginStep::EnrolTotp).await?;
    let secret = totp::secret();
    let bound = context(tenant, user, ENROLLING);
    let sealed = app.store.keys().seal(PURPOSE, &bound, secret.as_bytes());
    db::login_flows::set_totp_secret(&mut tx, tenant, flow.id, &sealed).await?;
    tx.done().await?;
    let otpauth_uri = totp::uri(secret.as_bytes(), &flow.tenant_display_name, &flow.username)?;
    Ok(EnrolTotpResponse {
        secret: secret.to_base32(),
        qr_png: totp::image(&otpauth_uri)?,
        otpauth_uri,
    })
}

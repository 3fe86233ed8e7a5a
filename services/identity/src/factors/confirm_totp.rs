//! Finishes enrolling with a first code, which counts as a proof too. Sessions
//! that were made without the new factor end (OWASP ASVS 7.4.3).

use contract::identity::{
    ConfirmTotpRequest, ConfirmTotpResponse, Event, LoginProof, TotpEnrolled,
};
use rpc::{Caller, Error};
use store::Tx;

use super::{ENROLLED, ENROLLING, PURPOSE, context, totp, wrong};
use crate::{
    Identity, db,
    db::login_flows::Flow,
    lockouts::Charge,
    logins::flow::{self, Begun, Step},
    sessions,
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ConfirmTotpRequest,
) -> Result<ConfirmTotpResponse, Error> {
    let flow = flow::find(app, &ask.flow_token, Step::EnrolTotp).await?;
    let (tenant, user) = (flow.tenant_id, flow.user_id);
    let Some(charge) = Charge::take(app, caller, flow.who(), LoginProof::Totp).await? else {
        return Err(wrong());
    };

    let mut tx = app.store.tenant(tenant, caller).await?;
    let flow = match flow::lock(&mut tx, &flow, Step::EnrolTotp).await {
        Ok(flow) if flow.totp_secret.is_some() => flow,
        ended => {
            drop(tx);
            charge.refund().await?;
            return Err(ended.err().unwrap_or_else(flow::ended));
        }
    };
    if !enrol(app, &mut tx, &flow, &ask.code).await? {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    charge.pass(&mut tx).await?;
    tx.set_actor(user, tenant);
    tx.publish(Event::from(TotpEnrolled {
        user_id: user.to_string(),
    }));
    db::login_flows::prove_totp(&mut tx, tenant, flow.id).await?;
    let begun = Begun {
        id: flow.id,
        token: ask.flow_token,
    };
    let outcome = flow::advance(app, &mut tx, caller, tenant, begun).await?;
    tx.done().await?;
    Ok(ConfirmTotpResponse {
        outcome: Some(outcome.into()),
    })
}

/// Keeps the authenticator if the code is one of it.
async fn enrol(app: &Identity, tx: &mut Tx, flow: &Flow, code: &str) -> Result<bool, Error> {
    let (tenant, user, keys) = (flow.tenant_id, flow.user_id, app.store.keys());
    let sealed = flow.totp_secret.as_deref().ok_or_else(flow::ended)?;
    let secret = keys.open(PURPOSE, &context(tenant, user, ENROLLING), sealed)?;
    let Some(step) = totp::step_of(&secret, code, app.store.clock().now().timestamp())? else {
        return Ok(false);
    };
    let sealed = keys.seal(PURPOSE, &context(tenant, user, ENROLLED), &secret);
    if !db::totp_factors::insert(tx, tenant, user, &sealed, step).await? {
        return Err(flow::ended());
    }
    sessions::end_all_but(app, tx, tenant, user, flow.id).await?;
    Ok(true)
}

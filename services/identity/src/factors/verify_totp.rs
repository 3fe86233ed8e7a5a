//! Proves possession of the enrolled authenticator.

use contract::identity::{LoginProof, VerifyTotpRequest, VerifyTotpResponse};
use rpc::{Caller, Error};
use store::Tx;

use super::{ENROLLED, PURPOSE, context, totp, wrong};
use crate::{
    Identity, db,
    db::login_flows::Flow,
    lockouts::Charge,
    logins::flow::{self, Begun, Step},
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: VerifyTotpRequest,
) -> Result<VerifyTotpResponse, Error> {
    let flow = flow::find(app, &ask.flow_token, Step::VerifyTotp).await?;
    let (tenant, user) = (flow.tenant_id, flow.user_id);
    let Some(charge) = Charge::take(app, caller, flow.who(), LoginProof::Totp).await? else {
        return Err(wrong());
    };

    let mut tx = app.store.tenant(tenant, caller).await?;
    let flow = match flow::lock(&mut tx, &flow, Step::VerifyTotp).await {
        Ok(flow) => flow,
        Err(error) => {
            drop(tx);
            charge.refund().await?;
            return Err(error);
        }
    };
    if !accept(app, &mut tx, &flow, &ask.code).await? {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    charge.pass(&mut tx).await?;
    tx.set_actor(user, tenant);
    db::login_flows::prove_totp(&mut tx, tenant, flow.id).await?;
    let begun = Begun {
        id: flow.id,
        token: ask.flow_token,
    };
    let outcome = flow::advance(app, &mut tx, caller, tenant, begun).await?;
    tx.done().await?;
    Ok(VerifyTotpResponse {
        outcome: Some(outcome.into()),
    })
}

/// Whether the code is one of the user's authenticator that was not used
/// before; it is from here on (B-8).
async fn accept(app: &Identity, tx: &mut Tx, flow: &Flow, code: &str) -> Result<bool, Error> {
    let (tenant, user) = (flow.tenant_id, flow.user_id);
    let sealed = db::totp_factors::secret(tx, tenant, user)
        .await?
        .ok_or_else(flow::ended)?;
    let secret = app
        .store
        .keys()
        .open(PURPOSE, &context(tenant, user, ENROLLED), &sealed)?;
    match totp::step_of(&secret, code, app.store.clock().now().timestamp())? {
        Some(step) => Ok(db::totp_factors::use_step(tx, tenant, user, step).await?),
        None => Ok(false),
    }
}

//! The one place where sessions are made.

use contract::{
    Id,
    identity::{Event, LoginSucceeded, MfaPolicy, NewSession, Session},
};
use rpc::{Caller, Error};
use store::{Keys, Tx};

use super::{LIFETIME, PREFIX, PURPOSE};
use crate::{
    Identity, db,
    db::{login_flows::Flow, sessions::New},
    devices,
    logins::flow,
};

/// Turns a flow into a session under a token of its own. The flow ends by it.
/// The level is counted from the proofs in the flow, by SQL; where they are
/// fewer than the policy asks there is no session, whatever the steps said. A
/// trusted device satisfies the policy, and adds no level.
pub async fn run(
    app: &Identity,
    tx: &mut Tx,
    caller: &Caller,
    flow: &Flow,
) -> Result<NewSession, Error> {
    let state = flow.state();
    let least_level = match state.policy {
        _ if state.device_trusted => 1,
        MfaPolicy::Required => 2,
        MfaPolicy::Optional if state.totp_enrolled => 2,
        MfaPolicy::Off | MfaPolicy::Optional | MfaPolicy::Unspecified => 1,
    };
    let session_token = format!("{PREFIX}{}", Keys::token());
    let token_hash = app
        .store
        .keys()
        .keyed_hash(PURPOSE, session_token.as_bytes());
    let address = caller
        .address
        .map(|address| address.to_string())
        .unwrap_or_default();
    let device = devices::remember(app, tx, flow, &address).await?;
    let new = New {
        id: Id::new(),
        tenant: flow.tenant_id,
        flow: flow.id,
        least_level,
        token_hash: &token_hash,
        address: &address,
        device: device.id,
        lifetime: LIFETIME,
    };
    let row = db::sessions::from_flow(tx, new)
        .await?
        .ok_or_else(flow::ended)?;
    let (tenant, user, budget) = (flow.tenant_id, flow.user_id, flow.who().account());
    db::users::logged_in(tx, tenant, user, device.id, &address, budget).await?;
    if flow.trust_device && row.assurance_level > 1 {
        devices::trust(tx, tenant, user, device.id).await?;
    }
    let session = Session::from(row);
    tx.publish(Event::from(LoginSucceeded {
        user_id: session.user_id.clone(),
        session_id: session.id.clone(),
        assurance_level: session.assurance_level,
        device_id: device.id.to_string(),
        device_unfamiliar: device.unfamiliar,
    }));
    Ok(NewSession {
        session_token,
        session: Some(session),
        device_token: device.token,
    })
}

//! The one place where sessions are made.

use contract::{
    Id,
    identity::{Event, LoginSucceeded, NewSession, Session, SessionRevoked},
};
use rpc::{Caller, Error};
use store::{Keys, Tx};

use super::{PREFIX, PURPOSE};
use crate::{
    Identity, db,
    db::{login_flows::Flow, policies, sessions::New},
    devices,
    logins::flow,
};

/// Turns a flow into a session under a token of its own. The flow ends by it.
/// The level is counted from the proofs in the flow, by SQL; where they are
/// fewer than the policy asks there is no session, whatever the steps said.
pub async fn run(
    app: &Identity,
    tx: &mut Tx,
    caller: &Caller,
    flow: &Flow,
) -> Result<NewSession, Error> {
    let state = flow.state();
    if state.password_due {
        return Err(flow::ended());
    }
    let policy = crate::policies::read(tx, flow.tenant_id).await?;
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
        least_level: flow::least_level(&state),
        token_hash: &token_hash,
        address: &address,
        device: device.id,
        user_agent: caller.user_agent.as_deref().unwrap_or_default(),
        idle_timeout: policy.session_idle_timeout,
        lifetime: policies::Row::span(policy.session_max_lifetime),
    };
    let row = db::sessions::from_flow(tx, new)
        .await?
        .ok_or_else(flow::ended)?;
    let (tenant, user, budget) = (flow.tenant_id, flow.user_id, flow.who().account());
    db::users::logged_in(tx, tenant, user, device.id, &address, budget).await?;
    if flow.trust_device && row.assurance_level > 1 {
        devices::trust(tx, tenant, user, device.id).await?;
    }
    replace(app, tx, caller, flow).await?;
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

/// Who logs in again from a session leaves it for the new one: whatever changes
/// what a token is worth changes the token too (B-12).
async fn replace(app: &Identity, tx: &mut Tx, caller: &Caller, flow: &Flow) -> Result<(), Error> {
    let Some(former) = caller.session.filter(|_| caller.user == Some(flow.user_id)) else {
        return Ok(());
    };
    if db::sessions::end(tx, flow.tenant_id, flow.user_id, former).await? {
        super::forget(app, tx, former);
        tx.publish(Event::from(SessionRevoked {
            session_id: former.to_string(),
            user_id: flow.user_id.to_string(),
        }));
    }
    Ok(())
}

//! Changes a password within the login that it was proven in: it was a temporary
//! one, or is too old.

use contract::identity::{
    ChangeExpiredPasswordRequest, ChangeExpiredPasswordResponse, ErrorReason, LoginStep,
};
use rpc::{Caller, Error};

use super::{Kept, MOST_REFUSED, another, renew, terms_of};
use crate::{
    Identity,
    db::{self, login_flows::Flow},
    logins::flow::{self, Begun},
    sessions::Spare,
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ChangeExpiredPasswordRequest,
) -> Result<ChangeExpiredPasswordResponse, Error> {
    let place = app.hashing.place()?;
    let flow = flow::find(app, &ask.flow_token, LoginStep::ChangePassword).await?;
    let whose = (flow.tenant_id, flow.user_id);
    place.of(&flow.tenant_id)?;
    let mut tx = app.store.worker().await?;
    let terms = terms_of(app, &mut tx, flow.tenant_id, flow.user_id).await?;
    drop(tx);
    let terms = terms.of_field("new_password");
    let former = terms.former();
    let hashed = another(app, &place, whose, &ask.new_password, terms).await;
    let kept = counted(app, caller, &flow, hashed).await?;
    drop(place);

    let mut tx = app.store.tenant(flow.tenant_id, caller).await?;
    let flow = flow::lock(&mut tx, &flow, LoginStep::ChangePassword).await?;
    tx.set_actor(flow.user_id, flow.tenant_id);
    renew(app, &mut tx, whose, kept, former, Spare::Login(flow.id)).await?;
    let begun = Begun {
        id: flow.id,
        token: ask.flow_token,
    };
    let outcome = flow::advance(app, &mut tx, caller, flow.tenant_id, begun).await?;
    tx.done().await?;
    Ok(ChangeExpiredPasswordResponse {
        outcome: Some(outcome.into()),
    })
}

/// Counts a refusal: after some the login is over.
async fn counted(
    app: &Identity,
    caller: &Caller,
    flow: &Flow,
    hashed: Result<Kept, Error>,
) -> Result<Kept, Error> {
    if matches!(&hashed, Err(error) if error.is(ErrorReason::PasswordRefused)) {
        let mut tx = app.store.tenant(flow.tenant_id, caller).await?;
        db::login_flows::refuse(&mut tx, flow.tenant_id, flow.id, MOST_REFUSED).await?;
        tx.done().await?;
    }
    hashed
}

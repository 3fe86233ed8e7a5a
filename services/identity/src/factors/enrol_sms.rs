//! Starts enrolling a phone in a login that takes one: sends it a code.

use contract::identity::{EnrolSmsRequest, EnrolSmsResponse, LoginStep};
use rpc::{Caller, Error};

use super::sms::{self, Holder, Purpose};
use crate::{Identity, logins::flow, timestamp};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: EnrolSmsRequest,
) -> Result<EnrolSmsResponse, Error> {
    let flow = flow::find(app, &ask.flow_token, LoginStep::EnrolSms).await?;
    let mut tx = app.store.tenant(flow.tenant_id, caller).await?;
    let flow = flow::lock(&mut tx, &flow, LoginStep::EnrolSms).await?;
    let end = sms::send(app, &mut tx, Holder::of(&flow), Purpose::Enrol, &ask.number).await?;
    tx.done().await?;
    Ok(EnrolSmsResponse {
        expire_time: Some(timestamp(end)),
    })
}

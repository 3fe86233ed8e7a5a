//! Sends a code to the enrolled phone, in a login (requirement M-04).

use contract::identity::{LoginStep, SendSmsCodeRequest, SendSmsCodeResponse};
use rpc::{Caller, Error};

use super::sms::{self, Holder, Purpose};
use crate::{Identity, db, logins::flow, timestamp};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: SendSmsCodeRequest,
) -> Result<SendSmsCodeResponse, Error> {
    let flow = flow::find(app, &ask.flow_token, LoginStep::SendSmsCode).await?;
    let mut tx = app.store.tenant(flow.tenant_id, caller).await?;
    let flow = flow::lock(&mut tx, &flow, LoginStep::SendSmsCode).await?;
    let number = db::sms_factors::number(&mut tx, flow.tenant_id, flow.user_id)
        .await?
        .ok_or_else(flow::ended)?;
    let end = sms::send(app, &mut tx, Holder::of(&flow), Purpose::Prove, &number).await?;
    tx.done().await?;
    Ok(SendSmsCodeResponse {
        number_ending: sms::ending(&number),
        expire_time: Some(timestamp(end)),
    })
}

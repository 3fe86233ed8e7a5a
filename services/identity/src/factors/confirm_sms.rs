//! Finishes enrolling a phone in a login, with the code that was sent to it,
//! which counts as a proof too.

use contract::identity::{ConfirmSmsRequest, ConfirmSmsResponse};
use rpc::{Caller, Error};

use super::enrol::{self, First};
use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ConfirmSmsRequest,
) -> Result<ConfirmSmsResponse, Error> {
    let (outcome, recovery_codes) =
        enrol::in_flow(app, caller, ask.flow_token, First::Sms(ask.code)).await?;
    Ok(ConfirmSmsResponse {
        outcome: Some(outcome.into()),
        recovery_codes,
    })
}

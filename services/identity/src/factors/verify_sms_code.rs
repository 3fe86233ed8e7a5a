//! Proves possession of the enrolled phone by the code that was sent to it.

use contract::identity::{VerifySmsCodeRequest, VerifySmsCodeResponse};
use rpc::{Caller, Error};

use super::prove::{self, Proof};
use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: VerifySmsCodeRequest,
) -> Result<VerifySmsCodeResponse, Error> {
    let outcome = prove::in_flow(app, caller, ask.flow_token, Proof::Sms(ask.code)).await?;
    Ok(VerifySmsCodeResponse {
        outcome: Some(outcome.into()),
    })
}

//! Proves possession of the enrolled authenticator.

use contract::identity::{VerifyTotpRequest, VerifyTotpResponse};
use rpc::{Caller, Error};

use super::prove::{self, Proof};
use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: VerifyTotpRequest,
) -> Result<VerifyTotpResponse, Error> {
    let outcome = prove::in_flow(app, caller, ask.flow_token, Proof::Totp(ask.code)).await?;
    Ok(VerifyTotpResponse {
        outcome: Some(outcome.into()),
    })
}

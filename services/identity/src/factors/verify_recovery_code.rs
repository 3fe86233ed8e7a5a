//! Uses a recovery code in place of another second factor (requirement M-06).

use contract::identity::{VerifyRecoveryCodeRequest, VerifyRecoveryCodeResponse};
use rpc::{Caller, Error};

use super::prove::{self, Proof};
use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: VerifyRecoveryCodeRequest,
) -> Result<VerifyRecoveryCodeResponse, Error> {
    let outcome = prove::in_flow(
        app,
        caller,
        ask.flow_token,
        Proof::RecoveryCode(ask.recovery_code),
    )
    .await?;
    Ok(VerifyRecoveryCodeResponse {
        outcome: Some(outcome.into()),
    })
}

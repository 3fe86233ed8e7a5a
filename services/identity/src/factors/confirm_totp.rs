//! Finishes enrolling an authenticator in a login, with a first code, which
//! counts as a proof too.

use contract::identity::{ConfirmTotpRequest, ConfirmTotpResponse};
use rpc::{Caller, Error};

use super::enrol::{self, First};
use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ConfirmTotpRequest,
) -> Result<ConfirmTotpResponse, Error> {
    let (outcome, recovery_codes) =
        enrol::in_flow(app, caller, ask.flow_token, First::Totp(ask.code)).await?;
    Ok(ConfirmTotpResponse {
        outcome: Some(outcome.into()),
        recovery_codes,
    })
}

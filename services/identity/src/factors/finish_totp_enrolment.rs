//! Finishes enrolling an authenticator from a session, with a first code.

use contract::identity::{FinishTotpEnrolmentRequest, FinishTotpEnrolmentResponse};
use rpc::{Caller, Error};

use super::{
    enrol::{self, First},
    own::Own,
};
use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: FinishTotpEnrolmentRequest,
) -> Result<FinishTotpEnrolmentResponse, Error> {
    let own = Own::of(caller)?;
    let first = First::Totp(ask.code.clone());
    let (tx, recovery_codes, _charge) = enrol::in_session(app, &own, &ask, first).await?;
    tx.commit_secret(FinishTotpEnrolmentResponse { recovery_codes })
        .await
}

//! Finishes enrolling a phone from a session, with the code that was sent.

use contract::identity::{FinishSmsEnrolmentRequest, FinishSmsEnrolmentResponse};
use rpc::{Caller, Error};

use super::{
    enrol::{self, First},
    own::Own,
};
use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: FinishSmsEnrolmentRequest,
) -> Result<FinishSmsEnrolmentResponse, Error> {
    let own = Own::of(caller)?;
    let first = First::Sms(ask.code.clone());
    let (tx, recovery_codes, _charge) = enrol::in_session(app, &own, &ask, first).await?;
    tx.commit_secret(FinishSmsEnrolmentResponse { recovery_codes })
        .await
}

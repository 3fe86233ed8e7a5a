//! Starts enrolling a phone from a session: sends it a code (requirement M-04).

use contract::identity::{StartSmsEnrolmentRequest, StartSmsEnrolmentResponse};
use rpc::{Caller, Error};

use super::{
    own::Own,
    sms::{self, Purpose},
};
use crate::{Identity, timestamp};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: StartSmsEnrolmentRequest,
) -> Result<StartSmsEnrolmentResponse, Error> {
    let own = Own::of(caller)?;
    let mut tx = app.store.begin(&own.caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if !own.fresh(&mut tx).await?.sms_allowed {
        return Err(sms::not_allowed());
    }
    let end = sms::send(app, &mut tx, own.holder(), Purpose::Enrol, &ask.number).await?;
    tx.commit(StartSmsEnrolmentResponse {
        expire_time: Some(timestamp(end)),
    })
    .await
}

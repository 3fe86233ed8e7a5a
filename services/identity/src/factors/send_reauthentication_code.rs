//! Sends a code to one's enrolled phone, for proving again who one is.

use contract::identity::{SendReauthenticationCodeRequest, SendReauthenticationCodeResponse};
use rpc::{Caller, Error};

use super::{
    not_enrolled,
    own::Own,
    sms::{self, Purpose},
};
use crate::{Identity, db, timestamp};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: SendReauthenticationCodeRequest,
) -> Result<SendReauthenticationCodeResponse, Error> {
    let own = Own::of(caller)?;
    let mut tx = app.store.begin(&own.caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let has = own.lock(&mut tx).await?;
    if !has.sms_allowed && !has.is_phone_asked() {
        return Err(sms::not_allowed());
    }
    let number = db::sms_factors::number(&mut tx, own.tenant, own.user)
        .await?
        .ok_or_else(not_enrolled)?;
    let end = sms::send(app, &mut tx, own.holder(), Purpose::Prove, &number).await?;
    tx.commit(SendReauthenticationCodeResponse {
        number_ending: sms::ending(&number),
        expire_time: Some(timestamp(end)),
    })
    .await
}

//! Makes a signing key on demand (B-76).

use contract::identity::{
    Event, RotateSigningKeysRequest, RotateSigningKeysResponse, SigningKeysRotated,
};
use rpc::{Caller, Error};

use crate::{Identity, timestamp};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RotateSigningKeysRequest,
) -> Result<RotateSigningKeysResponse, Error> {
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let (kid, sign_time) = super::signing::rotate(&app.store, &mut tx).await?;
    tx.publish(Event::from(SigningKeysRotated { kid: kid.clone() }));
    let reply = RotateSigningKeysResponse {
        kid,
        sign_time: Some(timestamp(sign_time)),
    };
    let reply = tx.commit(reply).await?;
    // The other replicas find it within a minute.
    app.signing.refresh(&app.store).await?;
    Ok(reply)
}

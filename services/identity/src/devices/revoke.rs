//! Forgets a device of a user, and ends its sessions.

use contract::{
    Id,
    identity::{
        Device, DeviceRevoked, ErrorReason, Event, RevokeDeviceRequest, RevokeDeviceResponse,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, authority, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RevokeDeviceRequest,
) -> Result<RevokeDeviceResponse, Error> {
    let (tenant, user) = caller.whose(&ask.user_id)?;
    let device: Id<Device> = ask.device_id.parse()?;
    // Where the device is, which for one's own may be another tenant.
    let there = caller.acting_in(tenant);
    if let Some(reply) = app.store.begin(&there, &ask).await?.replay()? {
        return Ok(reply);
    }
    if caller.user != Some(user) {
        authority::may_change(app, caller, user).await?;
    }
    let mut tx = app.store.begin(&there, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if !db::devices::delete(&mut tx, tenant, user, device).await? {
        return Err(ErrorReason::DeviceNotFound.because("there is no such device of this user"));
    }
    db::sessions::end_from(&mut tx, tenant, user, Some(device)).await?;
    sessions::forget(app, &mut tx, user);
    tx.publish(Event::from(DeviceRevoked {
        device_id: device.to_string(),
        user_id: user.to_string(),
    }));
    tx.commit(RevokeDeviceResponse {}).await
}

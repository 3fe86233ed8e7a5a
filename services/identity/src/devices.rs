//! The devices from which users log in (requirement M-05, B-3).
//!
//! A login that is completed on a new device leaves a row, and the device a
//! token of which only a keyed hash is kept. Who presents it in a later login
//! answers at a budget of the device: others can guess at the account until it
//! is locked, and the owner is let in all the same. What a stolen token adds to
//! the guesses that an account allows is bounded: [`WRONG_ANSWERS`] a device, not
//! by the window but until its next login, and then the device is not known any
//! more; times [`MOST`] devices. They are set aside of the 100 in a row that NIST
//! SP 800-63B-4, section 3.2.2, allows an account.
//!
//! A device that the user trusts, after a login with a second factor, skips that
//! factor for a while. Its sessions have the assurance level that was proven,
//! which is 1, and satisfy the tenant's policy. Whatever ends all sessions of a
//! user, such as a new password or another factor, ends the trust in all their
//! devices: [`crate::sessions::end_all`].

mod list;
mod remember;
mod revoke;
mod revoke_all;

use std::time::Duration;

use contract::{
    Id,
    identity::{
        Device, ListDevicesRequest, ListDevicesResponse, RevokeAllDevicesRequest,
        RevokeAllDevicesResponse, RevokeDeviceRequest, RevokeDeviceResponse, Tenant, User,
        device_service_server::DeviceService,
    },
};
use rpc::{Caller, Error, Reply};
use tonic::Request;

use crate::{Identity, db, timestamp};

pub use remember::{remember, trust};

/// How many wrong answers a device has, if its tenant's policy gives accounts no
/// fewer.
pub const WRONG_ANSWERS: i32 = 5;
/// How many devices a user is known by at a time.
pub const MOST: i64 = 18;
/// After how long without a login a device is forgotten.
pub const UNUSED: Duration = Duration::from_hours(90 * 24);

const PURPOSE: &str = "device token";

#[tonic::async_trait]
impl DeviceService for Identity {
    async fn list_devices(
        &self,
        request: Request<ListDevicesRequest>,
    ) -> Reply<ListDevicesResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn revoke_device(
        &self,
        request: Request<RevokeDeviceRequest>,
    ) -> Reply<RevokeDeviceResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(revoke::run(self, &caller, ask).await)
    }

    async fn revoke_all_devices(
        &self,
        request: Request<RevokeAllDevicesRequest>,
    ) -> Reply<RevokeAllDevicesResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(revoke_all::run(self, &caller, ask).await)
    }
}

/// What a device is found by.
pub fn hash(app: &Identity, token: &str) -> [u8; 32] {
    app.store.keys().keyed_hash(PURPOSE, token.as_bytes())
}

/// Whose devices a request names, and where they live: one's own are where one
/// lives, wherever one acts.
fn whose(caller: &Caller, user_id: &str) -> Result<(Id<Tenant>, Id<User>), Error> {
    match user_id {
        "" => Ok((
            caller.home.map_or_else(|| caller.tenant(), Ok)?,
            caller.user()?,
        )),
        id => Ok((caller.tenant()?, id.parse()?)),
    }
}

impl From<db::devices::Row> for Device {
    fn from(row: db::devices::Row) -> Device {
        Device {
            id: row.id.to_string(),
            user_id: row.user_id.to_string(),
            name: row.name,
            address: row.address,
            create_time: Some(timestamp(row.create_time)),
            last_use_time: Some(timestamp(row.last_use_time)),
            trust_end_time: row.trust_end_time.map(timestamp),
        }
    }
}

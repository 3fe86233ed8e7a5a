//! What a login leaves of the device that it came from.

use contract::{
    Id,
    identity::{Device, DeviceTrusted, Event, Tenant, User},
};
use rpc::Error;
use store::{Keys, Tx};

use super::{MOST, hash};
use crate::{
    Identity,
    db::{self, devices::New, login_flows::Flow, policies::Row},
    policies, timestamp,
};

/// The device of a login.
pub struct Remembered {
    /// The device.
    pub id: Id<Device>,
    /// The token that it is given where it is new; otherwise empty.
    pub token: String,
    /// Whether the user should hear of it.
    pub unfamiliar: bool,
}

/// The device of a flow that makes a session now. The transaction holds the lock
/// on the user.
pub async fn remember(
    app: &Identity,
    tx: &mut Tx,
    flow: &Flow,
    address: &str,
) -> Result<Remembered, Error> {
    let (tenant, user) = (flow.tenant_id, flow.user_id);
    if let Some(id) = flow.device_id {
        return Ok(Remembered {
            id,
            token: String::new(),
            unfamiliar: false,
        });
    }
    let (id, token) = (Id::new(), Keys::token());
    let new = New {
        id,
        user,
        token_hash: &hash(app, &token),
        name: &flow.device_name,
        address,
    };
    let unfamiliar = db::devices::insert(tx, tenant, new, MOST).await?;
    Ok(Remembered {
        id,
        token,
        unfamiliar,
    })
}

/// Trusts a device from which a second factor was proven just now, for as long as
/// the tenant's policy says.
pub async fn trust(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    device: Id<Device>,
) -> Result<(), Error> {
    let policy = policies::read(tx, tenant).await?;
    if policy.factor_device_trust_duration == 0 {
        return Ok(());
    }
    let duration = Row::span(policy.factor_device_trust_duration);
    let end = db::devices::trust(tx, tenant, device, duration).await?;
    tx.publish(Event::from(DeviceTrusted {
        device_id: device.to_string(),
        user_id: user.to_string(),
        trust_end_time: end.map(timestamp),
    }));
    Ok(())
}

//! Whom a person means who is not signed in.

use contract::{
    Id,
    identity::{ErrorReason, Tenant, User},
};
use rpc::{Because as _, Error};
use sqlx::PgConnection;
use store::Keys;
use uuid::Uuid;

use crate::{
    Identity,
    db::{self, policies::Lockout},
    devices,
    lockouts::{Who, derived},
    tenants::PLATFORM,
    users::names,
};

/// A name as it was typed.
pub struct Name<'a> {
    /// The short name of the tenant, or its id.
    pub tenant: &'a str,
    /// The username.
    pub username: &'a str,
    /// What the user may know the device by; may be empty.
    pub device_token: &'a str,
}

/// Somebody named by tenant and username.
pub struct Named {
    /// The budget that answers in this name are charged to.
    pub who: Who,
    /// The password; `None` where nobody can log in by this name.
    pub password: Option<db::passwords::Row>,
    /// What the tenant's policy says of wrong answers.
    pub lockout: Lockout,
}

/// The name of a tenant, the same for all its spellings.
pub fn tenant(given: &str) -> String {
    given.trim().to_lowercase()
}

impl Name<'_> {
    /// The same for all spellings, where it comes from the same device.
    pub fn gate(&self, keys: &Keys) -> Uuid {
        let (tenant, username) = (tenant(self.tenant), names::key(self.username));
        let text = format!("{tenant}/{username}/{}", self.device_token);
        derived(keys, "gate", &text)
    }
}

/// Looks a name up, and the device of the one whom it names: for a worker.
/// Unknown names get ids made of the name, so that all that follows is done for
/// them too, and costs the same (B-1). Those in a tenant that does not exist are
/// strangers of the platform's: its operators find them in their trail.
pub async fn find(app: &Identity, db: &mut PgConnection, name: &Name<'_>) -> Result<Named, Error> {
    let (tenant, username_key) = (tenant(name.tenant), names::key(name.username));
    let device_hash = devices::hash(app, name.device_token);
    let found = db::users::named(db, &tenant, PLATFORM, &username_key, &device_hash)
        .await?
        // There is no tenant at all.
        .ok_or_else(wrong)?;
    let who = match (found.user_id, found.device_id) {
        (Some(user), Some(device)) => Who::Device(found.tenant_id, user, device),
        (Some(user), None) => Who::User(found.tenant_id, user),
        (None, _) => {
            let name = format!("{tenant}/{username_key}");
            let id = derived(app.store.keys(), "unknown user", &name);
            Who::Stranger(found.tenant_id, Id::from_uuid(id))
        }
    };
    Ok(Named {
        who,
        password: db::passwords::row(found.password_id, found.hash, found.key_version),
        lockout: Lockout {
            max_attempts: found.max_attempts,
            window: found.window,
            duration: found.duration,
            max_attempts_per_address: found.max_attempts_per_address,
        },
    })
}

/// The tenant and the id, where a user was named.
pub fn known(who: Who) -> Option<(Id<Tenant>, Id<User>)> {
    match who {
        Who::User(tenant, user) | Who::Device(tenant, user, _) => Some((tenant, user)),
        Who::Stranger(..) => None,
    }
}

/// Refuses a name, a password, or the two together.
pub fn wrong() -> Error {
    ErrorReason::CredentialsWrong
        .because("username and password do not fit together, or the account cannot log in now")
}

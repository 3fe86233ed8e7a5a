//! The admins of a tenant, of whom one stays (requirement A-04).

use contract::authorization::{ErrorReason, RoleBinding};
use contract::identity::{Tenant, User};
use rpc::{Because as _, Error, Id};
use store::Tx;

use crate::db;
use crate::db::bindings::Row;
use crate::db::roles::Row as Role;
use crate::roles::permissions::{Permission, Permissions};

/// What a binding permits, of the roles of the tenant.
pub fn permits(roles: &[Role], binding: &Row) -> Permissions {
    let role = roles.iter().find(|role| role.id == binding.role_id);
    role.map(Role::permits).unwrap_or_default()
}

/// Whether a binding makes its user an admin now.
pub fn counts(roles: &[Role], binding: &Row) -> bool {
    let live = binding.project_id.is_none() && !binding.pending && !binding.suspended;
    live && makes_admin(&permits(roles, binding))
}

/// Refuses where nobody else would be an admin without this binding, or
/// without this user. Called under the lock of the tenant.
pub async fn another_stays(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    roles: &[Role],
    without: Option<Id<RoleBinding>>,
    without_user: Option<Id<User>>,
) -> Result<(), Error> {
    let admins: Vec<Id<_>> = roles
        .iter()
        .filter(|role| makes_admin(&role.permits()))
        .map(|role| role.id)
        .collect();
    if db::bindings::another_holds(tx, tenant, &admins, without, without_user).await? {
        Ok(())
    } else {
        Err(last_admin())
    }
}

/// Whether who holds so much can make others admins.
fn makes_admin(permissions: &Permissions) -> bool {
    permissions.contains(Permission::BINDINGS_CREATE)
        && permissions.contains(Permission::ADMINS_UPDATE)
}

fn last_admin() -> Error {
    let why = "this is the tenant's last admin; make another one first";
    ErrorReason::LastAdmin
        .because(why)
        .precondition("LAST_ADMIN", "tenant", why)
}

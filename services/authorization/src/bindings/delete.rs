//! `DeleteRoleBinding`.

use contract::authorization::{
    DeleteRoleBindingRequest, DeleteRoleBindingResponse, ErrorReason, RoleBindingDeleted,
};
use rpc::{Because as _, Caller, Error, Id};
use store::Tx;

use super::Authority;
use crate::db::bindings::Row;
use crate::revisions::announce;
use crate::roles::permissions::{Permission, Permissions};
use crate::{Authorization, db, provisioning};

/// Takes the role and, with the last licensed one, the seat.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: DeleteRoleBindingRequest,
) -> Result<DeleteRoleBindingResponse, Error> {
    let tenant = caller.tenant()?;
    let id = ask.binding_id.parse()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    let binding = db::bindings::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(not_found)?;
    may_take(&mut tx, caller, &binding).await?;
    db::bindings::delete(&mut tx, tenant, id).await?;
    db::seats::free(&mut tx, tenant, &[binding.user_id]).await?;
    let revision = db::tenants::advance(&mut tx, tenant, 1).await?.to_string();
    let fact = RoleBindingDeleted {
        binding: Some((&binding).into()),
        revision: revision.clone(),
    };
    announce(&app.cache, &mut tx, fact);
    tx.commit(DeleteRoleBindingResponse { revision }).await
}

/// Nobody takes what exceeds their own permissions, nor the last admin away
/// (requirement A-04).
async fn may_take(tx: &mut Tx, caller: &Caller, binding: &Row) -> Result<(), Error> {
    let tenant = caller.tenant()?;
    let roles = db::roles::all(tx, tenant, None).await?;
    let role = roles.iter().find(|role| role.id == binding.role_id);
    let permits = role.map(db::roles::Row::permits).unwrap_or_default();
    Authority::of(tx, caller, binding.project_id.as_slice())
        .await?
        .covers(&permits, binding.project_id)?;
    let counts = binding.project_id.is_none() && !binding.pending && !binding.suspended;
    if !counts || !makes_admin(&permits) {
        return Ok(());
    }
    let admins: Vec<Id<_>> = roles
        .iter()
        .filter(|role| makes_admin(&role.permits()))
        .map(|role| role.id)
        .collect();
    if db::bindings::another_holds(tx, tenant, &admins, binding.id).await? {
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

fn not_found() -> Error {
    ErrorReason::BindingNotFound.because("there is no such role binding")
}

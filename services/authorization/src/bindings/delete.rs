//! `DeleteRoleBinding`.

use contract::authorization::{
    DeleteRoleBindingRequest, DeleteRoleBindingResponse, ErrorReason, RoleBindingDeleted,
};
use rpc::{Because as _, Caller, Error};
use store::Tx;

use super::{Authority, admins};
use crate::db::bindings::Row;
use crate::revisions::announce;
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
    Authority::of(tx, caller, binding.project_id.as_slice())
        .await?
        .covers(&admins::permits(&roles, binding), binding.project_id)?;
    if admins::counts(&roles, binding) {
        admins::another_stays(tx, tenant, &roles, Some(binding.id), None).await?;
    }
    Ok(())
}

fn not_found() -> Error {
    ErrorReason::BindingNotFound.because("there is no such role binding")
}

//! `GetRole`.

use contract::authorization::{ErrorReason, GetRoleRequest, GetRoleResponse};
use rpc::{Because as _, Caller, Error};

use crate::{Authorization, db};

/// Reads one role.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: GetRoleRequest,
) -> Result<GetRoleResponse, Error> {
    let id = ask.role_id.parse()?;
    let mut tx = app.store.read(caller).await?;
    let role = db::roles::get(&mut tx, caller.tenant()?, id)
        .await?
        .ok_or_else(not_found)?;
    Ok(GetRoleResponse {
        role: Some(role.into()),
    })
}

/// The refusal of an id that is no role's of the tenant.
pub fn not_found() -> Error {
    ErrorReason::RoleNotFound.because("there is no such role")
}

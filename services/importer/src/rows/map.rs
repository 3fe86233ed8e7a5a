//! Gives all rows that name an unknown role a role of the tenant.

use contract::{
    Id,
    authorization::Role,
    importer::{
        ErrorReason, Event, Import, ImportRoleMapped, MapImportRoleRequest, MapImportRoleResponse,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{
    Importer,
    db::{self, imports::Counts},
    imports,
    reading::role_key,
    roles, seats,
};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: MapImportRoleRequest,
) -> Result<MapImportRoleResponse, Error> {
    let (tenant, id) = (
        caller.tenant()?.uuid(),
        ask.import_id.parse::<Id<Import>>()?.uuid(),
    );
    let role: Id<Role> = ask.role_id.parse()?;
    let name = role_key(&ask.name);
    let roles = roles::of_tenant(app, caller).await?;
    let seats = seats::of_tenant(app, caller).await?;

    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let import = db::imports::lock(&mut tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    if !imports::in_review(&import) {
        return Err(imports::review_over());
    }
    if !roles.has(role.uuid()) {
        return Err(ErrorReason::RoleNotFound.because("there is no such role"));
    }
    let nobodys = || {
        let why = "no row names this role, or the tenant has it";
        ErrorReason::RoleNameUnknown.because(why)
    };
    if roles.knows(&name) {
        return Err(nobodys());
    }
    let mapped = db::rows::map_role(&mut tx, tenant, id, &name, role.uuid()).await?;
    if mapped.rows == 0 {
        return Err(nobodys());
    }
    db::roles::put(&mut tx, tenant, id, &name, role.uuid()).await?;
    let good = i32::try_from(mapped.good)?;
    let by = Counts {
        good,
        flagged: -good,
        ..Counts::default()
    };
    db::imports::shift(&mut tx, tenant, id, &by).await?;
    let import = db::imports::find(&mut tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    tx.publish(Event::from(ImportRoleMapped {
        import_id: ask.import_id,
        name,
        role_id: ask.role_id,
    }));
    let import = imports::counted(&mut tx, tenant, vec![import], &seats).await?;
    tx.commit(MapImportRoleResponse {
        import: import.into_iter().next(),
    })
    .await
}

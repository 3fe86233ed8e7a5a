//! `SetLicensedRoles`.

use contract::authorization::LicensedRolesSet;
use contract::licensing::{ErrorReason, SetLicensedRolesRequest, SetLicensedRolesResponse};
use rpc::{Because as _, Caller, Error};

use super::{license, refuse_exhausted};
use crate::revisions::announce;
use crate::{Authorization, db, ids, provisioning};

/// Sets which roles use a seat, and seats who holds them. Roles can be licensed
/// whatever seats are left, as long as nobody is left standing.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: SetLicensedRolesRequest,
) -> Result<SetLicensedRolesResponse, Error> {
    let tenant = caller.tenant()?;
    let roles = ids(&ask.role_ids)?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    if db::roles::all(&mut tx, tenant, Some(&roles)).await?.len() != roles.len() {
        return Err(ErrorReason::RoleNotFound.because("there is no such role"));
    }
    let mut count = db::seats::count(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    if db::roles::set_licensed(&mut tx, tenant, &roles).await? > 0 {
        let used = i32::try_from(db::seats::recount(&mut tx, tenant).await?)?;
        let why = || {
            format!(
                "{used} users hold these roles, and there are {} seats",
                count.total
            )
        };
        let set = db::seats::set_used(&mut tx, tenant, used).await?;
        count = set.ok_or_else(|| refuse_exhausted(&why(), count.total))?;
        announce(
            &app.cache,
            &mut tx,
            LicensedRolesSet {
                role_ids: ask.role_ids,
            },
        );
    }
    let license = Some(license(&mut tx, tenant, count).await?);
    tx.commit(SetLicensedRolesResponse { license }).await
}

//! `PrepareTenant`.

use contract::authorization::{
    ErrorReason, PrepareTenantRequest, PrepareTenantResponse, RoleSet, TenantPrepared,
};
use rpc::{Because as _, Caller, Error, Id};

use crate::revisions::announce;
use crate::roles::sets;
use crate::{Authorization, db};

/// Makes the roles, the Default Group and a licence without seats, once.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: PrepareTenantRequest,
) -> Result<PrepareTenantResponse, Error> {
    let tenant = caller.tenant()?;
    let role_set = RoleSet::try_from(ask.role_set)?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if !db::tenants::insert(&mut tx, tenant, role_set.as_str_name()).await? {
        let found = db::tenants::role_set(&mut tx, tenant).await?;
        return if found.as_deref() == Some(role_set.as_str_name()) {
            Ok(PrepareTenantResponse {})
        } else {
            Err(ErrorReason::TenantPrepared.because("the tenant has another role set"))
        };
    }
    for role in sets::roles(role_set) {
        db::roles::insert(&mut tx, tenant, Id::new(), role).await?;
    }
    db::groups::insert(&mut tx, tenant, Id::new(), "Default Group", true).await?;
    db::seats::insert(&mut tx, tenant).await?;
    announce(
        &app.cache,
        &mut tx,
        TenantPrepared {
            role_set: ask.role_set,
            revision: "1".to_owned(),
        },
    );
    tx.commit(PrepareTenantResponse {}).await
}

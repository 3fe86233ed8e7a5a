//! The second half of making a tenant.

use contract::{
    Id,
    authorization::{
        PrepareTenantRequest, RoleSet, provisioning_service_client::ProvisioningServiceClient,
    },
    identity::{Event, Tenant, TenantCreated},
};
use rpc::{Caller, Error};

use crate::{Identity, NAME, db, db::tenants::Row};

/// Makes the tenant's roles in authorization.
pub async fn roles(app: &Identity, tenant: Id<Tenant>, role_set: i32) -> Result<(), Error> {
    let channel = app
        .authorization
        .on_behalf_of(&Caller::system(NAME, tenant));
    ProvisioningServiceClient::new(channel)
        .prepare_tenant(PrepareTenantRequest { role_set })
        .await?;
    Ok(())
}

/// Makes a prepared tenant active, said to be done by its creator. Once it is,
/// this changes nothing.
pub async fn activate(
    app: &Identity,
    creator: &Caller,
    tenant: Id<Tenant>,
) -> Result<Tenant, Error> {
    let mut tx = app.store.tenant(tenant, creator).await?;
    let activated = db::tenants::activate(&mut tx, tenant).await?.is_some();
    let row = db::tenants::get(&mut tx, tenant)
        .await?
        .ok_or_else(super::not_found)?;
    let role_set = RoleSet::try_from(row.role_set).unwrap_or_default();
    let tenant = Tenant::from(row);
    if activated {
        tx.publish(Event::from(TenantCreated {
            tenant: Some(tenant.clone()),
            role_set: role_set.into(),
        }));
    }
    tx.done().await?;
    Ok(tenant)
}

/// Finishes tenants that a crash left half made. Those that cannot be finished
/// yet do not hold up the others: whoever was tried goes to the end of the line.
pub async fn finish_abandoned(app: &Identity) -> Result<(), Error> {
    let mut tx = app.store.worker().await?;
    let abandoned = db::tenants::claim_abandoned(&mut tx).await?;
    tx.done().await?;
    for row in abandoned {
        match finish(app, &row).await {
            Ok(()) => tracing::info!(tenant = row.name, "finished making a tenant"),
            Err(error) => tracing::warn!(tenant = row.name, %error, "a tenant stays half made"),
        }
    }
    Ok(())
}

async fn finish(app: &Identity, row: &Row) -> Result<(), Error> {
    let address = row.creator_address.as_deref();
    let creator = Caller {
        user: row.creator_user_id,
        home: row.creator_tenant_id,
        address: address.and_then(|address| address.parse().ok()),
        ..Caller::system(NAME, row.tenant_id)
    };
    roles(app, row.tenant_id, row.role_set).await?;
    activate(app, &creator, row.tenant_id).await?;
    Ok(())
}

//! Changes the tenant of a call.

use contract::{
    errors,
    identity::{
        Event, MfaPolicy, Tenant, TenantUpdated, UpdateTenantRequest, UpdateTenantResponse,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: UpdateTenantRequest,
) -> Result<UpdateTenantResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let policy = match ask.mfa_policy() {
        MfaPolicy::Unspecified => None,
        policy => Some(db::tenants::policy_name(policy)),
    };
    // An etag that is none matches no version.
    let version = (!ask.etag.is_empty()).then(|| ask.etag.parse().unwrap_or(-1));
    let display_name = ask.display_name.as_deref().map(str::trim);
    let before = db::tenants::lock(&mut tx, tenant).await?;
    let changed = db::tenants::update(
        &mut tx,
        tenant,
        version,
        display_name,
        policy,
        ask.language.as_deref(),
    )
    .await?;
    let row = db::tenants::get(&mut tx, tenant)
        .await?
        .ok_or_else(super::not_found)?;
    if changed.is_none() {
        return Err(errors::ErrorReason::EtagMismatch
            .because("somebody changed the tenant since it was read")
            .with("etag", row.version));
    }
    let tenant = Tenant::from(row);
    tx.publish(Event::from(TenantUpdated {
        tenant: Some(tenant.clone()),
        previous_tenant: before.map(Tenant::from),
    }));
    tx.commit(UpdateTenantResponse {
        tenant: Some(tenant),
    })
    .await
}

//! Creates a tenant, for an operator of the platform.

use contract::{
    Id,
    authorization::RoleSet,
    identity::{CreateTenantRequest, CreateTenantResponse, ErrorReason, Tenant},
};
use rpc::{Because as _, Caller, Error};

use super::{PLATFORM, prepare};
use crate::{
    Identity, db,
    db::tenants::{New, Row},
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateTenantRequest,
) -> Result<CreateTenantResponse, Error> {
    if ask.name == PLATFORM {
        return Err(taken());
    }
    if ask.role_set() == RoleSet::Operator {
        return Err(Error::field("role_set", "is for the platform's own tenant"));
    }
    let tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    drop(tx);
    let row = begin(app, caller, &ask).await?;
    prepare::roles(app, row.tenant_id, row.role_set).await?;
    let creator = caller.acting_in(row.tenant_id);
    let tenant = prepare::activate(app, &creator, row.tenant_id).await?;

    // The reply is kept where the call was made, which is another tenant.
    let tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    tx.commit(CreateTenantResponse {
        tenant: Some(tenant),
    })
    .await
}

/// The row of the tenant: a new one, or that of the same request before.
async fn begin(app: &Identity, caller: &Caller, ask: &CreateTenantRequest) -> Result<Row, Error> {
    let id = Id::<Tenant>::new();
    let new = New {
        id,
        name: &ask.name,
        display_name: ask.display_name.trim(),
        mfa_policy: db::tenants::policy_name(ask.mfa_policy()),
        language: if ask.language.is_empty() {
            "en"
        } else {
            &ask.language
        },
        role_set: ask.role_set,
        creator_user_id: caller.user,
        creator_tenant_id: caller.home,
        creator_address: caller.address.map(|address| address.to_string()),
        request_id: &ask.request_id,
    };
    let mut tx = app.store.worker().await?;
    db::tenants::insert(&mut tx, &new).await?;
    let row = db::tenants::by_name(&mut tx, &ask.name)
        .await?
        .ok_or_else(super::not_found)?;
    tx.done().await?;
    let same_request = !ask.request_id.is_empty()
        && row.request_id == ask.request_id
        && row.creator_user_id == caller.user;
    if row.tenant_id == id || same_request {
        Ok(row)
    } else {
        Err(taken())
    }
}

fn taken() -> Error {
    ErrorReason::TenantNameTaken.because("another tenant has this name")
}

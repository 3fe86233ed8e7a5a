//! Tenants: the boundary that nothing crosses.
//!
//! Making a tenant is a saga, because its roles are made in authorization. The
//! row is its log: PREPARING until all is there, then ACTIVE. Every step does
//! nothing a second time, so whoever finds the row goes on.

mod bootstrap;
mod create;
mod get;
mod list;
mod prepare;
mod update;

use contract::identity::{
    BootstrapRequest, BootstrapResponse, CreateTenantRequest, CreateTenantResponse, ErrorReason,
    GetTenantRequest, GetTenantResponse, ListTenantsRequest, ListTenantsResponse, Tenant,
    UpdateTenantRequest, UpdateTenantResponse, tenant_service_server::TenantService,
};
use rpc::{Because as _, Caller, Error, Reply};
use tonic::Request;

use crate::{Identity, db, timestamp};

pub use prepare::finish_abandoned;

/// The short name of the tenant in which the operators live.
pub const PLATFORM: &str = "platform";

#[tonic::async_trait]
impl TenantService for Identity {
    async fn bootstrap(&self, request: Request<BootstrapRequest>) -> Reply<BootstrapResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(bootstrap::run(self, &caller, ask).await)
    }

    async fn create_tenant(
        &self,
        request: Request<CreateTenantRequest>,
    ) -> Reply<CreateTenantResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn get_tenant(&self, request: Request<GetTenantRequest>) -> Reply<GetTenantResponse> {
        let (caller, _) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller).await)
    }

    async fn list_tenants(
        &self,
        request: Request<ListTenantsRequest>,
    ) -> Reply<ListTenantsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn update_tenant(
        &self,
        request: Request<UpdateTenantRequest>,
    ) -> Reply<UpdateTenantResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(update::run(self, &caller, ask).await)
    }
}

/// The tenant of a call.
pub async fn read(app: &Identity, caller: &Caller) -> Result<db::tenants::Row, Error> {
    let mut tx = app.store.read(caller).await?;
    db::tenants::get(&mut tx, caller.tenant()?)
        .await?
        .ok_or_else(not_found)
}

/// Refuses where there is no such tenant.
pub fn not_found() -> Error {
    ErrorReason::TenantNotFound.because("there is no such tenant")
}

impl From<db::tenants::Row> for Tenant {
    fn from(row: db::tenants::Row) -> Tenant {
        Tenant {
            id: row.tenant_id.to_string(),
            name: row.name,
            display_name: row.display_name,
            mfa_policy: db::tenants::policy(&row.mfa_policy).into(),
            language: row.language,
            create_time: Some(timestamp(row.create_time)),
            update_time: Some(timestamp(row.update_time)),
            etag: row.version.to_string(),
        }
    }
}

//! What the other services need: roles for new tenants, roles and seats that
//! wait for invited people, and who may decide over whom.

use contract::authorization::provisioning_service_server::ProvisioningService;
use contract::authorization::{
    ActivateGrantsRequest, ActivateGrantsResponse, AuthorizeUserChangeRequest,
    AuthorizeUserChangeResponse, PrepareTenantRequest, PrepareTenantResponse, ReleaseGrantsRequest,
    ReleaseGrantsResponse, ReserveGrantsRequest, ReserveGrantsResponse,
};
use contract::errors::ErrorReason;
use rpc::{Because as _, Error, Reply};
use tonic::Request;

use crate::Authorization;

mod activate;
mod authorize_user_change;
mod plan;
mod prepare;
mod release;
mod reserve;

#[tonic::async_trait]
impl ProvisioningService for Authorization {
    async fn prepare_tenant(
        &self,
        request: Request<PrepareTenantRequest>,
    ) -> Reply<PrepareTenantResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(prepare::run(self, &caller, ask).await)
    }

    async fn reserve_grants(
        &self,
        request: Request<ReserveGrantsRequest>,
    ) -> Reply<ReserveGrantsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(reserve::run(self, &caller, ask).await)
    }

    async fn release_grants(
        &self,
        request: Request<ReleaseGrantsRequest>,
    ) -> Reply<ReleaseGrantsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(release::run(self, &caller, ask).await)
    }

    async fn activate_grants(
        &self,
        request: Request<ActivateGrantsRequest>,
    ) -> Reply<ActivateGrantsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(activate::run(self, &caller, ask).await)
    }

    async fn authorize_user_change(
        &self,
        request: Request<AuthorizeUserChangeRequest>,
    ) -> Reply<AuthorizeUserChangeResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(authorize_user_change::run(self, &caller, ask).await)
    }
}

/// The refusal of a change in a tenant whose roles are still to be made: that
/// takes a moment after its creation.
pub fn unprepared() -> Error {
    ErrorReason::DependencyUnavailable
        .because("the roles of this tenant are not made yet; try again later")
}

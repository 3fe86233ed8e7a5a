//! The permissions there are, and the roles that bundle them.

use contract::authorization::role_service_server::RoleService;
use contract::authorization::{
    GetRoleRequest, GetRoleResponse, ListPermissionsRequest, ListPermissionsResponse,
    ListRolesRequest, ListRolesResponse,
};
use rpc::Reply;
use tonic::Request;

use crate::Authorization;

pub mod catalogue;
mod get;
pub use get::not_found;
mod list;
mod list_permissions;
pub mod permissions;
pub mod sets;

#[tonic::async_trait]
impl RoleService for Authorization {
    async fn list_permissions(
        &self,
        request: Request<ListPermissionsRequest>,
    ) -> Reply<ListPermissionsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list_permissions::run(self, &caller, &ask))
    }

    async fn list_roles(&self, request: Request<ListRolesRequest>) -> Reply<ListRolesResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn get_role(&self, request: Request<GetRoleRequest>) -> Reply<GetRoleResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }
}

//! Giving roles to users and taking them away.

use contract::authorization::role_binding_service_server::RoleBindingService;
use contract::authorization::{
    CreateRoleBindingRequest, CreateRoleBindingResponse, DeleteRoleBindingRequest,
    DeleteRoleBindingResponse, ListRoleBindingsRequest, ListRoleBindingsResponse,
};
use rpc::Reply;
use tonic::Request;

use crate::Authorization;

pub mod admins;
mod authority;
mod create;
mod delete;
mod list;
mod target;

pub use authority::Authority;
pub use target::{begin_about, find, user_not_found};

#[tonic::async_trait]
impl RoleBindingService for Authorization {
    async fn create_role_binding(
        &self,
        request: Request<CreateRoleBindingRequest>,
    ) -> Reply<CreateRoleBindingResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn list_role_bindings(
        &self,
        request: Request<ListRoleBindingsRequest>,
    ) -> Reply<ListRoleBindingsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn delete_role_binding(
        &self,
        request: Request<DeleteRoleBindingRequest>,
    ) -> Reply<DeleteRoleBindingResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(delete::run(self, &caller, ask).await)
    }
}

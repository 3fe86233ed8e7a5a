//! Groups and who is in them. The Default Group reaches all projects
//! (requirement A-08).

use contract::authorization::group_service_server::GroupService;
use contract::authorization::{
    AddGroupMemberRequest, AddGroupMemberResponse, ErrorReason, ListGroupMembersRequest,
    ListGroupMembersResponse, ListGroupsRequest, ListGroupsResponse, RemoveGroupMemberRequest,
    RemoveGroupMemberResponse,
};
use rpc::{Because as _, Error, Reply};
use tonic::Request;

use crate::Authorization;

mod add_member;
mod list;
mod list_members;
mod remove_member;

#[tonic::async_trait]
impl GroupService for Authorization {
    async fn list_groups(&self, request: Request<ListGroupsRequest>) -> Reply<ListGroupsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn list_group_members(
        &self,
        request: Request<ListGroupMembersRequest>,
    ) -> Reply<ListGroupMembersResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list_members::run(self, &caller, ask).await)
    }

    async fn add_group_member(
        &self,
        request: Request<AddGroupMemberRequest>,
    ) -> Reply<AddGroupMemberResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(add_member::run(self, &caller, ask).await)
    }

    async fn remove_group_member(
        &self,
        request: Request<RemoveGroupMemberRequest>,
    ) -> Reply<RemoveGroupMemberResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(remove_member::run(self, &caller, ask).await)
    }
}

/// The refusal of an id that is no group's of the tenant.
fn not_found() -> Error {
    ErrorReason::GroupNotFound.because("there is no such group")
}

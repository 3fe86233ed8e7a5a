//! Somebody who calls one replica, and their most frequent calls.

use std::convert::Infallible;
use std::task::{Context, Poll};

use contract::authorization::group_service_client::GroupServiceClient;
use contract::authorization::role_binding_service_client::RoleBindingServiceClient;
use contract::authorization::{CreateRoleBindingRequest, DeleteRoleBindingRequest};
use contract::identity::User;
use rpc::{Caller, Id};
use testkit::refusal;
use tonic::body::Body;
use tonic::service::Routes;
use tower_service::Service as Tower;

/// Calls one replica as somebody.
#[derive(Clone)]
pub struct As {
    pub routes: Routes,
    pub caller: Caller,
}

impl As {
    /// Gives a role; answers binding and revision, or the reason of the refusal.
    pub async fn grant(
        &self,
        user: Id<User>,
        role_id: &str,
        project_id: &str,
    ) -> Result<(String, String), String> {
        let ask = CreateRoleBindingRequest {
            user_id: user.to_string(),
            role_id: role_id.to_owned(),
            project_id: project_id.to_owned(),
            ..Default::default()
        };
        let granted = RoleBindingServiceClient::new(self.clone())
            .create_role_binding(ask)
            .await;
        let (_, granted, _) = granted
            .map_err(|status| refusal(&status).reason)?
            .into_parts();
        Ok((granted.binding.unwrap_or_default().id, granted.revision))
    }

    /// Takes a role; answers the revision.
    pub async fn revoke(&self, binding_id: &str) -> Result<String, String> {
        let ask = DeleteRoleBindingRequest {
            binding_id: binding_id.to_owned(),
            ..Default::default()
        };
        let revoked = RoleBindingServiceClient::new(self.clone())
            .delete_role_binding(ask)
            .await;
        let (_, revoked, _) = revoked
            .map_err(|status| refusal(&status).reason)?
            .into_parts();
        Ok(revoked.revision)
    }

    /// The groups.
    pub fn groups(&self) -> GroupServiceClient<As> {
        GroupServiceClient::new(self.clone())
    }
}

impl Tower<http::Request<Body>> for As {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = <Routes as Tower<http::Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        request.extensions_mut().insert(self.caller.clone());
        self.routes.clone().call(request)
    }
}

//! Asking people to join, from the draft to the answer.

pub(crate) mod batch;
mod batch_create;
mod create;
mod get;
mod list;
mod resend;
mod resend_to_user;
mod revoke;
pub(crate) mod shape;

use contract::invitation::{
    AcceptInvitationRequest, AcceptInvitationResponse, BatchCreateInvitationsRequest,
    BatchCreateInvitationsResponse, CreateInvitationRequest, CreateInvitationResponse,
    DeclineInvitationRequest, DeclineInvitationResponse, ErrorReason, GetInvitationRequest,
    GetInvitationResponse, ListInvitationsRequest, ListInvitationsResponse,
    PreviewInvitationRequest, PreviewInvitationResponse, ResendInvitationRequest,
    ResendInvitationResponse, ResendUserInvitationRequest, ResendUserInvitationResponse,
    RevokeInvitationRequest, RevokeInvitationResponse,
    invitation_service_server::InvitationService,
};
use rpc::{Because as _, Error, Reply};
use tonic::Request;

use crate::{
    Invitation,
    acceptance::{accept, decline, preview},
    db::InvitationId,
};

#[tonic::async_trait]
impl InvitationService for Invitation {
    async fn create_invitation(
        &self,
        request: Request<CreateInvitationRequest>,
    ) -> Reply<CreateInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn batch_create_invitations(
        &self,
        request: Request<BatchCreateInvitationsRequest>,
    ) -> Reply<BatchCreateInvitationsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(batch_create::run(self, &caller, ask).await)
    }

    async fn get_invitation(
        &self,
        request: Request<GetInvitationRequest>,
    ) -> Reply<GetInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }

    async fn list_invitations(
        &self,
        request: Request<ListInvitationsRequest>,
    ) -> Reply<ListInvitationsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn resend_invitation(
        &self,
        request: Request<ResendInvitationRequest>,
    ) -> Reply<ResendInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(resend::run(self, &caller, ask).await)
    }

    async fn resend_user_invitation(
        &self,
        request: Request<ResendUserInvitationRequest>,
    ) -> Reply<ResendUserInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(resend_to_user::run(self, &caller, ask).await)
    }

    async fn revoke_invitation(
        &self,
        request: Request<RevokeInvitationRequest>,
    ) -> Reply<RevokeInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(revoke::run(self, &caller, ask).await)
    }

    async fn preview_invitation(
        &self,
        request: Request<PreviewInvitationRequest>,
    ) -> Reply<PreviewInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(preview::run(self, &caller, ask).await)
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Reply<AcceptInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(accept::run(self, &caller, ask).await)
    }

    async fn decline_invitation(
        &self,
        request: Request<DeclineInvitationRequest>,
    ) -> Reply<DeclineInvitationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(decline::run(self, &caller, ask).await)
    }
}

/// The invitation that a request names.
fn named(id: &str) -> Result<InvitationId, Error> {
    id.parse()
        .map_err(|_| Error::field("invitation_id", "must be a UUID"))
}

fn not_found() -> Error {
    ErrorReason::InvitationNotFound.because("there is no such invitation")
}

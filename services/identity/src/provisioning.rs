//! What the other services need of users. An import sends hundreds at a time,
//! so what works on many is a few statements however many there are.

mod complete_setup;
mod create_invited;
mod find;
mod issue_reset_token;
mod issue_temporary_password;
mod remove_invited;

use contract::identity::{
    CompleteSetupRequest, CompleteSetupResponse, CreateInvitedUsersRequest,
    CreateInvitedUsersResponse, FindUsersRequest, FindUsersResponse, GetFormerEmailRequest,
    GetFormerEmailResponse, IssuePasswordResetTokenRequest, IssuePasswordResetTokenResponse,
    IssueTemporaryPasswordRequest, IssueTemporaryPasswordResponse, RemoveInvitedUsersRequest,
    RemoveInvitedUsersResponse, provisioning_service_server::ProvisioningService,
};
use rpc::Reply;
use tonic::Request;

use crate::{Identity, users};

#[tonic::async_trait]
impl ProvisioningService for Identity {
    async fn create_invited_users(
        &self,
        request: Request<CreateInvitedUsersRequest>,
    ) -> Reply<CreateInvitedUsersResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create_invited::run(self, &caller, ask).await)
    }

    async fn remove_invited_users(
        &self,
        request: Request<RemoveInvitedUsersRequest>,
    ) -> Reply<RemoveInvitedUsersResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(remove_invited::run(self, &caller, ask).await)
    }

    async fn complete_setup(
        &self,
        request: Request<CompleteSetupRequest>,
    ) -> Reply<CompleteSetupResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(complete_setup::run(self, &caller, ask).await)
    }

    async fn issue_password_reset_token(
        &self,
        request: Request<IssuePasswordResetTokenRequest>,
    ) -> Reply<IssuePasswordResetTokenResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(issue_reset_token::run(self, &caller, ask).await)
    }

    async fn get_former_email(
        &self,
        request: Request<GetFormerEmailRequest>,
    ) -> Reply<GetFormerEmailResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(users::email_change::former(self, &caller, ask).await)
    }

    async fn issue_temporary_password(
        &self,
        request: Request<IssueTemporaryPasswordRequest>,
    ) -> Reply<IssueTemporaryPasswordResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(issue_temporary_password::run(self, &caller, ask).await)
    }

    async fn find_users(&self, request: Request<FindUsersRequest>) -> Reply<FindUsersResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(find::run(self, &caller, ask).await)
    }
}

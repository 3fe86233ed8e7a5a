//! Changes in invitation. To invite and to accept takes several services, a
//! transaction each: the row of the invitation is their log, and a worker
//! finishes or undoes what was cut off.

use contract::invitation::{
    AcceptInvitationRequest, BatchCreateInvitationsRequest, CreateInvitationRequest,
    DeclineInvitationRequest, ResendInvitationRequest, ResendUserInvitationRequest,
    RevokeInvitationRequest, invitation_service_client::InvitationServiceClient,
};
use usher_tests::{password, token_mailed_to};

use super::{Told, call, leaves, stage::Stage};

/// What inviting one person leaves, in the three services that it takes.
const INVITED: [&str; 3] = ["grants_reserved", "invitation_created", "user_created"];

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let (admin, anyone) = (stage.admin(), stage.suite.anyone());
    let email = stage.email("invited");
    let draft = stage.company.draft(&email, &["analyst"]);
    let invited = async || {
        let invitation = stage.company.invite(&email).await.expect("an invitation");
        token_mailed_to(&stage.suite.mails(), &email).await;
        stage.suite.settled().await;
        invitation.id
    };
    let token = async || {
        invited().await;
        token_mailed_to(&stage.suite.mails(), &email).await
    };
    match method {
        "InvitationService.CreateInvitation" => {
            let ask = CreateInvitationRequest {
                invitation: Some(draft),
                ..Default::default()
            };
            stage
                .step(admin, call!(InvitationServiceClient.create_invitation(ask)))
                .await;
            leaves(&INVITED)
        }
        "InvitationService.BatchCreateInvitations" => {
            let ask = BatchCreateInvitationsRequest {
                invitations: vec![draft],
                request_id: stage.request.clone(),
            };
            stage
                .step(
                    admin,
                    call!(InvitationServiceClient.batch_create_invitations(ask)),
                )
                .await;
            leaves(&INVITED)
        }
        "InvitationService.ResendInvitation" => {
            let ask = ResendInvitationRequest {
                invitation_id: invited().await,
                ..Default::default()
            };
            stage
                .change(admin, call!(InvitationServiceClient.resend_invitation(ask)))
                .await;
            leaves(&["invitation_resent"])
        }
        "InvitationService.ResendUserInvitation" => {
            invited().await;
            let mut invitations = stage.company.invitations(&[]).await.into_iter();
            let invitation = invitations.rfind(|one| one.email == email);
            let ask = ResendUserInvitationRequest {
                user_id: invitation.expect("the invitation").user_id,
                ..Default::default()
            };
            let call = call!(InvitationServiceClient.resend_user_invitation(ask));
            stage.change(admin, call).await;
            leaves(&["invitation_resent"])
        }
        "InvitationService.RevokeInvitation" => {
            let ask = RevokeInvitationRequest {
                invitation_id: invited().await,
                ..Default::default()
            };
            stage
                .step(admin, call!(InvitationServiceClient.revoke_invitation(ask)))
                .await;
            leaves(&["grants_released", "invitation_revoked"])
        }
        "InvitationService.AcceptInvitation" => {
            let ask = AcceptInvitationRequest {
                token: token().await,
                password: password(),
                ..Default::default()
            };
            stage
                .step(
                    &anyone,
                    call!(InvitationServiceClient.accept_invitation(ask)),
                )
                .await;
            leaves(&["grants_activated", "invitation_accepted", "user_activated"])
        }
        "InvitationService.DeclineInvitation" => {
            let ask = DeclineInvitationRequest {
                token: token().await,
            };
            stage
                .step(
                    &anyone,
                    call!(InvitationServiceClient.decline_invitation(ask)),
                )
                .await;
            // Who declines is no user.
            leaves(&[
                "grants_released",
                "invitation_declined",
                "user_deleted",
                "user_erased",
                "user_erased",
                "user_erased",
            ])
        }
        _ => None,
    }
}

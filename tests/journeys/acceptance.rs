//! Following an invitation's link: preview, acceptance, declining, and too late.

use std::time::Duration;

use contract::identity::{GetUserRequest, UserStatus, user_service_client::UserServiceClient};
use contract::invitation::{
    AcceptInvitationRequest, DeclineInvitationRequest, InvitationState, PreviewInvitationRequest,
};
use usher_tests::{Suite, accept, invitations, password, suite::MANY_ATTEMPTS, token_mailed_to};

use crate::assert_refused;

#[tokio::test]
async fn i_01_i_05_an_invitee_previews_and_accepts() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = acme.invite("ivy@acme.example").await.unwrap();
    assert_eq!(invitation.state(), InvitationState::Pending);
    assert_eq!(invitation.inviter_email, "admin@acme.example");
    let token = token_mailed_to(&suite.mails(), "ivy@acme.example").await;
    let ask = PreviewInvitationRequest {
        token: token.clone(),
    };
    let preview = invitations(&suite.anyone())
        .preview_invitation(ask)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(preview.tenant_name, "acme");
    assert_eq!(preview.inviter_email, "admin@acme.example");
    assert_eq!(preview.role_names.len(), 1);

    let weak = AcceptInvitationRequest {
        token: token.clone(),
        password: "short".into(),
        ..Default::default()
    };
    assert_refused!(
        invitations(&suite.anyone()).accept_invitation(weak).await,
        "PASSWORD_REFUSED"
    );
    let setup = accept(&suite.anyone(), &token)
        .await
        .expect("accepted after a better password");
    assert_eq!(setup.user_id, invitation.user_id);
    let ask = GetUserRequest {
        user_id: setup.user_id,
    };
    let user = UserServiceClient::new(acme.admin.client.clone())
        .get_user(ask)
        .await
        .unwrap()
        .into_inner()
        .user
        .unwrap();
    assert_eq!(user.status(), UserStatus::Active);
    assert!(
        acme.invitations(&[]).await.is_empty(),
        "accepted invitations leave the list"
    );
    // The admin was invited too.
    assert_eq!(
        acme.invitations(&[InvitationState::Accepted]).await.len(),
        2
    );
    let again = AcceptInvitationRequest {
        token,
        password: password(),
        ..Default::default()
    };
    assert_refused!(
        invitations(&suite.anyone()).accept_invitation(again).await,
        "INVITATION_ACCEPTED"
    );
    suite.stop().await;
}

#[tokio::test]
async fn i_05_declining_frees_seat_and_address() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(1, &["analyst"]).await;
    acme.invite("dora@acme.example").await.unwrap();
    let token = token_mailed_to(&suite.mails(), "dora@acme.example").await;
    let ask = DeclineInvitationRequest {
        token: token.clone(),
    };
    invitations(&suite.anyone())
        .decline_invitation(ask.clone())
        .await
        .unwrap();
    assert_refused!(
        invitations(&suite.anyone()).decline_invitation(ask).await,
        "INVITATION_DECLINED"
    );
    let late = AcceptInvitationRequest {
        token,
        password: password(),
        ..Default::default()
    };
    assert_refused!(
        invitations(&suite.anyone()).accept_invitation(late).await,
        "INVITATION_DECLINED"
    );
    assert_eq!(
        acme.invitations(&[InvitationState::Declined]).await.len(),
        1
    );
    acme.invite("dora@acme.example")
        .await
        .expect("the address and the seat are free");
    suite.stop().await;
}

#[tokio::test]
async fn b_15_two_hundred_acceptances_make_one() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    acme.invite("once@acme.example").await.unwrap();
    let token = token_mailed_to(&suite.mails(), "once@acme.example").await;
    let tries = (0..200).map(|_| {
        let ask = AcceptInvitationRequest {
            token: token.clone(),
            password: password(),
            ..Default::default()
        };
        let mut client = invitations(&suite.anyone());
        tokio::spawn(async move { client.accept_invitation(ask).await })
    });
    let mut accepted = 0;
    for one in tries.collect::<Vec<_>>() {
        accepted += usize::from(one.await.unwrap().is_ok());
    }
    assert_eq!(accepted, 1, "one link made {accepted} acceptances");
    suite.stop().await;
}

#[tokio::test]
async fn b_39_i_02_i_03_an_invitation_expires_at_its_time_and_is_listed_by_state() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.invite("old@acme.example").await.unwrap();
    let token = token_mailed_to(&suite.mails(), "old@acme.example").await;
    suite.time().advance(Duration::from_mins(10079));
    let ask = PreviewInvitationRequest {
        token: token.clone(),
    };
    invitations(&suite.anyone())
        .preview_invitation(ask.clone())
        .await
        .expect("a minute to go");
    // The admin's session did not live that long.
    suite.time().advance(Duration::from_mins(1));
    assert_refused!(
        invitations(&suite.anyone()).preview_invitation(ask).await,
        "INVITATION_EXPIRED"
    );
    let late = AcceptInvitationRequest {
        token,
        password: password(),
        ..Default::default()
    };
    assert_refused!(
        invitations(&suite.anyone()).accept_invitation(late).await,
        "INVITATION_EXPIRED"
    );
    suite.stop().await;
}

//! Invitations.

use contract::identity::{GetUserRequest, UserStatus, user_service_client::UserServiceClient};
use contract::invitation::{
    AcceptInvitationRequest, BatchCreateInvitationsRequest, CreateInvitationRequest,
    DeclineInvitationRequest, Invitation, InvitationState, ListInvitationsRequest,
    PreviewInvitationRequest, ResendInvitationRequest, RevokeInvitationRequest, invitation_outcome,
    invitation_service_client::InvitationServiceClient,
};
use testkit::{Client, until};
use tonic::Status;
use usher_tests::{Company, Mails, Suite, accept, password, suite::MANY_ATTEMPTS, token_mailed_to};

use crate::assert_refused;

fn invitations(client: &Client) -> InvitationServiceClient<Client> {
    InvitationServiceClient::new(client.clone())
}

async fn invite(acme: &Company, email: &str) -> Result<Invitation, Status> {
    let draft = acme.draft(email, &["analyst"]);
    let ask = CreateInvitationRequest {
        invitation: Some(draft),
        ..Default::default()
    };
    let reply = invitations(&acme.admin.client)
        .create_invitation(ask)
        .await?
        .into_inner();
    Ok(reply.invitation.expect("an invitation"))
}

async fn list(acme: &Company, states: &[InvitationState]) -> Vec<Invitation> {
    let states = states.iter().map(|&state| state.into()).collect();
    let ask = ListInvitationsRequest {
        states,
        page_size: 100,
        ..Default::default()
    };
    invitations(&acme.admin.client)
        .list_invitations(ask)
        .await
        .expect("invitations")
        .into_inner()
        .invitations
}

/// The secret of the newest mail, once there are this many.
async fn newest_token(mails: &Mails, email: &str, count: usize) -> String {
    until("one more mail", || async {
        let mut all = mails.to(email).await.ok()?;
        (all.len() >= count).then(|| all.pop()?.token().ok())?
    })
    .await
}

#[tokio::test]
async fn i_01_i_05_an_invitee_previews_and_accepts() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = invite(&acme, "ivy@acme.example").await.unwrap();
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
        list(&acme, &[]).await.is_empty(),
        "accepted invitations leave the list"
    );
    // The admin was invited too.
    assert_eq!(list(&acme, &[InvitationState::Accepted]).await.len(), 2);
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
async fn i_04_a_resent_link_kills_the_old_one() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = invite(&acme, "rhea@acme.example").await.unwrap();
    let old = token_mailed_to(&suite.mails(), "rhea@acme.example").await;
    let ask = ResendInvitationRequest {
        invitation_id: invitation.id,
        ..Default::default()
    };
    invitations(&acme.admin.client)
        .resend_invitation(ask)
        .await
        .unwrap();
    let new = newest_token(&suite.mails(), "rhea@acme.example", 2).await;
    let ask = |token: &str| PreviewInvitationRequest {
        token: token.into(),
    };
    assert_refused!(
        invitations(&suite.anyone())
            .preview_invitation(ask(&old))
            .await,
        "TOKEN_UNKNOWN"
    );
    invitations(&suite.anyone())
        .preview_invitation(ask(&new))
        .await
        .expect("the new link");
    suite.stop().await;
}

#[tokio::test]
async fn i_04_a_revoked_invitation_frees_the_seat_and_gives_no_access() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(1, &["analyst"]).await;
    let invitation = invite(&acme, "rolf@acme.example").await.unwrap();
    assert_refused!(invite(&acme, "late@acme.example").await, "SEATS_EXHAUSTED");
    let token = token_mailed_to(&suite.mails(), "rolf@acme.example").await;
    let ask = RevokeInvitationRequest {
        invitation_id: invitation.id.clone(),
        ..Default::default()
    };
    invitations(&acme.admin.client)
        .revoke_invitation(ask.clone())
        .await
        .unwrap();
    assert_refused!(
        invitations(&acme.admin.client).revoke_invitation(ask).await,
        "INVITATION_NOT_FOUND"
    );
    invite(&acme, "late@acme.example")
        .await
        .expect("the freed seat");
    let setup = accept(&suite.anyone(), &token)
        .await
        .expect("an account without access");
    let ask = contract::authorization::CheckRequest {
        user_id: setup.user_id,
        permission: "projects.view".into(),
        ..Default::default()
    };
    let mut access = contract::authorization::access_service_client::AccessServiceClient::new(
        acme.admin.client.clone(),
    );
    assert!(!access.check(ask).await.unwrap().into_inner().allowed);
    suite.stop().await;
}

#[tokio::test]
async fn i_05_declining_frees_seat_and_address() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(1, &["analyst"]).await;
    invite(&acme, "dora@acme.example").await.unwrap();
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
    assert_eq!(list(&acme, &[InvitationState::Declined]).await.len(), 1);
    invite(&acme, "dora@acme.example")
        .await
        .expect("the address and the seat are free");
    suite.stop().await;
}

#[tokio::test]
async fn b_15_two_hundred_acceptances_make_one() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    invite(&acme, "once@acme.example").await.unwrap();
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
async fn b_08_many_at_once_each_on_its_own_and_repeatable() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(1, &["analyst"]).await;
    let drafts = [
        "a@batch.example",
        "b@batch.example",
        "A@batch.example",
        "admin@acme.example",
    ];
    let ask = BatchCreateInvitationsRequest {
        invitations: drafts
            .iter()
            .map(|email| acme.draft(email, &["analyst"]))
            .collect(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let mut client = invitations(&acme.admin.client);
    let first = client
        .batch_create_invitations(ask.clone())
        .await
        .unwrap()
        .into_inner();
    let again = client
        .batch_create_invitations(ask)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, again, "a repeated call answers the first reply");
    let outcomes: Vec<_> = first
        .outcomes
        .into_iter()
        .map(|outcome| match outcome.outcome {
            Some(invitation_outcome::Outcome::Invitation(_)) => "invited".to_owned(),
            Some(invitation_outcome::Outcome::Refusal(status)) => {
                let bytes = prost::Message::encode_to_vec(&status);
                testkit::refusal(&Status::with_details(
                    tonic::Code::Unknown,
                    "",
                    bytes.into(),
                ))
                .reason
            }
            None => panic!("no outcome"),
        })
        .collect();
    assert_eq!(
        outcomes,
        ["invited", "SEATS_EXHAUSTED", "EMAIL_TAKEN", "EMAIL_TAKEN"]
    );
    assert_eq!(list(&acme, &[]).await.len(), 1);
    suite.stop().await;
}

#[tokio::test]
async fn i_07_mails_come_in_the_chosen_language_as_html_and_text() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    for (language, word) in [("en", "invited"), ("de", "eingeladen")] {
        let email = format!("{language}@acme.example");
        let mut draft = acme.draft(&email, &["analyst"]);
        draft.language = language.into();
        draft.hide_inviter = true;
        let ask = CreateInvitationRequest {
            invitation: Some(draft),
            ..Default::default()
        };
        invitations(&acme.admin.client)
            .create_invitation(ask)
            .await
            .unwrap();
        let mail = until("the mail", || async {
            suite.mails().to(&email).await.ok()?.pop()
        })
        .await;
        assert!(
            mail.text.contains(word) && mail.html.contains(word),
            "{language}: {}",
            mail.text
        );
        assert!(
            mail.text.contains("https://people.example/"),
            "the link is not from the configured origin"
        );
        assert!(
            !mail.text.contains("admin@acme.example"),
            "the hidden inviter is named"
        );
    }
    suite.stop().await;
}

//! Invitations, one or many at once, sent again and taken back.

use contract::invitation::{
    BatchCreateInvitationsRequest, PreviewInvitationRequest, ResendInvitationRequest,
    RevokeInvitationRequest, invitation_outcome,
};
use testkit::{eventually, until};
use tonic::Status;
use usher_tests::{Mails, Suite, accept, invitations, token_mailed_to};

use crate::assert_refused;

/// The secret of the newest mail, once there are this many.
async fn newest_token(mails: &Mails, email: &str, count: usize) -> String {
    until("one more mail", || async {
        let mut all = mails.to(email).await.ok()?;
        (all.len() >= count).then(|| all.pop()?.token().ok())?
    })
    .await
}

#[tokio::test]
async fn i_04_a_resent_link_kills_the_old_one() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = acme.invite("rhea@acme.example").await.unwrap();
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
    let invitation = acme.invite("rolf@acme.example").await.unwrap();
    assert_refused!(acme.invite("late@acme.example").await, "SEATS_EXHAUSTED");
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
    acme.invite("late@acme.example")
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
    assert_eq!(acme.invitations(&[]).await.len(), 1);
    suite.stop().await;
}

#[tokio::test]
async fn one_request_twice_at_once_invites_once() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let ask = BatchCreateInvitationsRequest {
        invitations: (0..50)
            .map(|number| acme.draft(&format!("p{number}@acme.example"), &["analyst"]))
            .collect(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let calls = (0..4).map(|_| {
        let (ask, mut client) = (ask.clone(), invitations(&acme.admin.client));
        tokio::spawn(async move { client.batch_create_invitations(ask).await })
    });
    let mut replies = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        replies.push(call.await.expect("a call").expect("a reply").into_inner());
    }
    assert!(
        replies.iter().all(|reply| *reply == replies[0]),
        "the replies differ"
    );
    // Of one who is invited later the mail comes last.
    acme.invite("later@acme.example").await.expect("invited");
    until("the last mail", || async {
        suite.mails().to("later@acme.example").await.ok()?.pop()
    })
    .await;
    eventually("all mails", || async {
        suite.mailbox().messages().len() >= 52
    })
    .await;
    assert_eq!(
        suite.mailbox().messages().len(),
        52,
        "one mail each, and the admin's"
    );
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
        acme.invite_as(draft).await.unwrap();
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

//! Mails and their delivery.

use std::time::Duration;

use contract::identity::{
    DeleteUserRequest, RequestPasswordResetRequest, ResetPasswordRequest,
    login_service_client::LoginServiceClient, user_service_client::UserServiceClient,
};
use contract::invitation::{
    Invitation, ListMailsRequest, Mail, MailKind, MailState, PreviewInvitationRequest,
    ResendInvitationRequest, invitation_service_client::InvitationServiceClient,
    mail_service_client::MailServiceClient,
};
use mailbox::{Fault, Verb};
use testkit::{eventually, until};
use usher_tests::{Company, Suite, password, sign_in, token_mailed_to};

use crate::assert_refused;

async fn invite(acme: &Company, email: &str, without_mail: bool) -> Invitation {
    let draft = contract::invitation::InvitationDraft {
        without_mail,
        ..acme.draft(email, &["analyst"])
    };
    acme.invite_as(draft).await.expect("an invitation")
}

async fn resend(acme: &Company, invitation: &Invitation) {
    let ask = ResendInvitationRequest {
        invitation_id: invitation.id.clone(),
        ..Default::default()
    };
    InvitationServiceClient::new(acme.admin.client.clone())
        .resend_invitation(ask)
        .await
        .expect("a new mail");
}

async fn mails(acme: &Company, user_id: &str, states: &[MailState]) -> Vec<Mail> {
    let states = states.iter().map(|&state| state.into()).collect();
    let ask = ListMailsRequest {
        user_id: user_id.into(),
        states,
        ..Default::default()
    };
    MailServiceClient::new(acme.admin.client.clone())
        .list_mails(ask)
        .await
        .expect("mails")
        .into_inner()
        .mails
}

/// The user's one mail, once it stands there.
async fn one(acme: &Company, user_id: &str, state: MailState) -> Mail {
    until("the mail in its state", || async {
        mails(acme, user_id, &[state]).await.pop()
    })
    .await
}

/// State, attempts and last answer of the one mail to an address; `sending`
/// while it is being sent.
async fn record(suite: &Suite, email: &str) -> (String, i32, String) {
    let mut database = suite.database().connect().await;
    sqlx::query_as(
        "SELECT CASE WHEN lease_token IS NULL THEN state ELSE 'sending' END, attempts, last_answer
            FROM invitation.mails WHERE email = $1",
    )
    .bind(email)
    .fetch_one(&mut database)
    .await
    .expect("a mail")
}

#[tokio::test]
async fn i_08_a_temporary_refusal_is_tried_again_and_a_lasting_one_is_not() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    suite.mailbox().fault(
        Fault::reply(Verb::Rcpt, "451 4.3.0 try later")
            .only_to("tara@acme.example")
            .times(2),
    );
    suite
        .mailbox()
        .fault(Fault::reply(Verb::Rcpt, "550 5.1.1 no such user").only_to("faye@acme.example"));
    invite(&acme, "tara@acme.example", false).await;
    let faye = invite(&acme, "faye@acme.example", false).await;

    let failed = one(&acme, &faye.user_id, MailState::Failed).await;
    assert_eq!((failed.attempts, failed.kind()), (1, MailKind::Invitation));
    assert!(
        failed.last_answer.contains("550") && failed.last_answer.contains("no such user"),
        "{failed:?}"
    );

    // By the table: the gateway's tokens do not live through these leaps of time.
    for attempt in 1..=2 {
        eventually("one more attempt", || async {
            let (state, attempts, answer) = record(&suite, "tara@acme.example").await;
            state == "queued" && attempts == attempt && answer.contains("451")
        })
        .await;
        suite.time().advance(Duration::from_mins(2));
    }
    eventually("the mail is taken", || async {
        let (state, attempts, answer) = record(&suite, "tara@acme.example").await;
        state == "sent" && attempts == 3 && answer.starts_with("250")
    })
    .await;
    assert_eq!(suite.mailbox().messages_to("tara@acme.example").len(), 1);
    assert!(suite.mailbox().messages_to("faye@acme.example").is_empty());
    suite.stop().await;
}

#[tokio::test]
async fn i_08_where_smtp_cannot_tell_both_copies_have_one_id_and_one_link_works() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    suite.mailbox().fault(
        Fault::drop_connection(Verb::Kept)
            .only_to("dana@acme.example")
            .times(1),
    );
    let dana = invite(&acme, "dana@acme.example", false).await;
    eventually("the first attempt", || async {
        mails(&acme, &dana.user_id, &[MailState::Queued])
            .await
            .iter()
            .any(|mail| !mail.last_answer.is_empty())
    })
    .await;
    suite.time().advance(Duration::from_mins(1));
    let sent = one(&acme, &dana.user_id, MailState::Sent).await;
    let copies = suite.mailbox().messages_to("dana@acme.example");
    assert_eq!(copies.len(), 2);
    for copy in &copies {
        let id = copy.header("Message-ID").expect("a Message-ID");
        assert!(id.starts_with(&format!("<{}@", sent.id)), "{id}");
    }
    let mut tokens = Vec::new();
    for mail in suite.mails().to("dana@acme.example").await.expect("mails") {
        tokens.push(mail.token().expect("a secret"));
    }
    let mut anyone = InvitationServiceClient::new(suite.anyone());
    let ask = |token: &String| PreviewInvitationRequest {
        token: token.clone(),
    };
    assert_refused!(
        anyone.preview_invitation(ask(&tokens[0])).await,
        "TOKEN_UNKNOWN"
    );
    anyone
        .preview_invitation(ask(&tokens[1]))
        .await
        .expect("the link of the second copy");
    suite.stop().await;
}

#[tokio::test]
async fn i_09_without_mail_there_is_none_until_it_is_asked_for() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = invite(&acme, "wilma@acme.example", true).await;
    let witness = invite(&acme, "witness@acme.example", false).await;
    one(&acme, &witness.user_id, MailState::Sent).await;
    assert!(mails(&acme, &invitation.user_id, &[]).await.is_empty());
    resend(&acme, &invitation).await;
    one(&acme, &invitation.user_id, MailState::Sent).await;
    assert_eq!(suite.mailbox().messages_to("wilma@acme.example").len(), 1);
    suite.stop().await;
}

#[tokio::test]
async fn i_08_a_mail_that_is_refused_holds_up_no_others() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    suite
        .mailbox()
        .fault(Fault::reply(Verb::Rcpt, "451 4.3.0 try later").only_to("gone@slow.example"));
    for number in 0..20 {
        invite(&acme, &format!("p{number}@acme.example"), false).await;
    }
    let gone = invite(&acme, "gone@slow.example", false).await;
    eventually("all others", || async {
        suite.mailbox().messages().len() >= 21
    })
    .await;
    assert_eq!(
        mails(&acme, &gone.user_id, &[MailState::Sent]).await.len(),
        0
    );
    suite.stop().await;
}

#[tokio::test]
async fn p_02_a_reset_mail_sets_a_new_password_once() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (email, old, new) = ("pia@acme.example", password(), password());
    let user = acme.user(email, &old).await;
    let mut login = LoginServiceClient::new(suite.anyone());
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: email.into(),
    };
    login.request_password_reset(ask).await.expect("an answer");
    let token = token_mailed_to(&suite.mails(), email).await;
    let mail = one(&acme, &user, MailState::Sent).await;
    assert_eq!(
        (mail.kind(), mail.email.as_str()),
        (MailKind::PasswordReset, email)
    );
    let ask = ResetPasswordRequest {
        token: token.clone(),
        password: new.clone(),
    };
    login
        .reset_password(ask.clone())
        .await
        .expect("a new password");
    assert_refused!(login.reset_password(ask).await, "RESET_TOKEN_ENDED");
    sign_in(&suite.anyone(), "acme", email, &new)
        .await
        .expect("a login with the new password");
    suite.stop().await;
}

#[tokio::test]
async fn u_12_a_deleted_invitee_leaves_neither_invitation_nor_mail() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = invite(&acme, "erik@acme.example", false).await;
    let token = token_mailed_to(&suite.mails(), "erik@acme.example").await;
    one(&acme, &invitation.user_id, MailState::Sent).await;
    let ask = DeleteUserRequest {
        user_id: invitation.user_id.clone(),
        ..Default::default()
    };
    UserServiceClient::new(acme.admin.client.clone())
        .delete_user(ask)
        .await
        .expect("a deletion");
    eventually("no mail is left", || async {
        mails(&acme, &invitation.user_id, &[]).await.is_empty()
    })
    .await;
    let mut anyone = InvitationServiceClient::new(suite.anyone());
    assert_refused!(
        anyone
            .preview_invitation(PreviewInvitationRequest { token })
            .await,
        "TOKEN_UNKNOWN"
    );
    let mut database = suite.database().connect().await;
    for table in ["invitations", "mails"] {
        let sql = format!("SELECT count(*) FROM invitation.{table} WHERE email ILIKE 'erik@%'");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&mut database)
            .await
            .expect("a count");
        assert_eq!(left, 0, "{table}");
    }
    invite(&acme, "erik@acme.example", false).await;
    suite.stop().await;
}

//! Mails that are hard to deliver, and how many an address gets.

use std::time::Duration;

use contract::identity::{RequestPasswordResetRequest, login_service_client::LoginServiceClient};
use contract::invitation::{
    ListMailsRequest, MailState, ResendInvitationRequest, RevokeInvitationRequest,
    mail_service_client::MailServiceClient,
};
use mailbox::{Fault, Verb};
use testkit::{Client, eventually, until, until_within};
use usher_tests::{Company, Suite, invitations, password};

use crate::assert_refused;

async fn ask_for_a_reset(anyone: &Client, username: &str) {
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: username.into(),
    };
    let mut login = LoginServiceClient::new(anyone.clone());
    login.request_password_reset(ask).await.expect("an answer");
}

async fn count(acme: &Company, user_id: &str, state: MailState) -> usize {
    let ask = ListMailsRequest {
        user_id: user_id.into(),
        states: vec![state.into()],
        ..Default::default()
    };
    let mut mails = MailServiceClient::new(acme.admin.client.clone());
    let listed = mails.list_mails(ask).await.expect("mails");
    listed.into_inner().mails.len()
}

#[tokio::test]
async fn i_08_a_mail_that_cannot_be_written_is_given_up() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let user = acme.user("dot@acme.example", &password()).await;
    // As an older release took it.
    let changed =
        sqlx::query("UPDATE identity.users SET email = 'a..b@acme.example' WHERE id = $1")
            .bind(uuid::Uuid::parse_str(&user).expect("an id"))
            .execute(&mut suite.database().connect().await)
            .await;
    assert_eq!(changed.expect("a change").rows_affected(), 1);
    ask_for_a_reset(&suite.anyone(), "dot@acme.example").await;
    eventually("the mail is given up", || async {
        count(&acme, &user, MailState::Failed).await == 1
    })
    .await;
    suite.stop().await;
}

#[tokio::test]
async fn i_08_a_slow_recipient_of_resets_slows_no_others() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    for number in 0..3 {
        let email = format!("p{number}@slow.example");
        acme.user(&email, &password()).await;
        let silence = Fault::silence(Verb::Rcpt, Duration::from_secs(12)).only_to(&email);
        suite.mailbox().fault(silence);
        ask_for_a_reset(&suite.anyone(), &email).await;
    }
    acme.user("quick@acme.example", &password()).await;
    until("all of them under way", || async {
        let sql = "SELECT count(*) FROM invitation.mails WHERE lease_time > now()
                   AND state = 'queued' AND domain = 'slow.example'";
        let mut database = suite.database().connect().await;
        let under_way: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .ok()?;
        (under_way == 3).then_some(())
    })
    .await;
    ask_for_a_reset(&suite.anyone(), "quick@acme.example").await;
    // They take twelve seconds, and are known to be slow after two.
    until_within(Duration::from_secs(9), "the quick one's mail", || async {
        suite.mails().to("quick@acme.example").await.ok()?.pop()
    })
    .await;
    suite.stop().await;
}

#[tokio::test]
async fn an_address_is_sent_three_invitations_an_hour_at_most() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = acme.invite("calm@acme.example").await.expect("the first");
    let resend = ResendInvitationRequest {
        invitation_id: invitation.id.clone(),
        ..Default::default()
    };
    let mut client = invitations(&acme.admin.client);
    for sent in 1..=3 {
        until("the mail", || async {
            let count = count(&acme, &invitation.user_id, MailState::Sent).await;
            (count == sent).then_some(())
        })
        .await;
        if sent < 3 {
            let again = client.resend_invitation(resend.clone()).await;
            again.expect("one more");
        }
    }
    let refusal = assert_refused!(client.resend_invitation(resend).await, "TOO_MANY_MAILS");
    assert!(refusal.retry, "when to come back is told");
    let revoke = RevokeInvitationRequest {
        invitation_id: invitation.id,
        ..Default::default()
    };
    let revoked = client.revoke_invitation(revoke).await;
    revoked.expect("taken back");
    assert_refused!(acme.invite("Calm@acme.example").await, "TOO_MANY_MAILS");
    acme.invite("other@acme.example")
        .await
        .expect("another address");
    suite.stop().await;
}

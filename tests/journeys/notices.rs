//! Mails that tell people what happened to their accounts.

use contract::invitation::{
    ListMailsRequest, Mail, MailKind, MailState, mail_service_client::MailServiceClient,
};
use testkit::{Client, until};
use usher_tests::{Company, Suite, password, sign_in, suite::MANY_ATTEMPTS};

use crate::{assert_refused, devices::Machine, lockout::policy::unlock, logins::login};

async fn mails(acme: &Company, user_id: &str) -> Vec<Mail> {
    let ask = ListMailsRequest {
        user_id: user_id.into(),
        page_size: 100,
        ..Default::default()
    };
    let mut mails = MailServiceClient::new(acme.admin.client.clone());
    let reply = mails.list_mails(ask).await.expect("mails");
    reply.into_inner().mails
}

/// Waits for a mail that was sent, to somebody else: what happened before it was
/// heard of by then.
async fn later(acme: &Company, anyone: &Client) {
    let secret = password();
    let name = format!("later-{}@acme.example", uuid::Uuid::new_v4().simple());
    let user_id = acme.user(&name, &secret).await;
    lock_out(anyone, &name).await;
    until("a later notice", || async {
        mails(acme, &user_id).await.pop()
    })
    .await;
}

async fn lock_out(anyone: &Client, name: &str) {
    for _ in 0..10 {
        let tried = login(anyone, "acme", name, "a wrong password").await;
        assert_refused!(tried, "CREDENTIALS_WRONG");
    }
}

#[tokio::test]
async fn i_06_a_lockout_is_told_by_mail_at_most_three_times_an_hour() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let user_id = acme.user("nora@acme.example", &password()).await;
    lock_out(&anyone, "nora@acme.example").await;
    let mail = until("a notice", || async {
        suite.mails().to("nora@acme.example").await.ok()?.pop()
    })
    .await;
    assert!(mail.subject.contains("locked"), "{}", mail.subject);
    assert!(mail.token().is_err(), "a notice holds a secret");
    for _ in 0..4 {
        unlock(&acme, &user_id).await;
        lock_out(&anyone, "nora@acme.example").await;
    }
    later(&acme, &anyone).await;
    let told = mails(&acme, &user_id).await;
    assert_eq!(told.len(), 3, "of five lockouts: {told:?}");
    assert!(told.iter().all(|mail| mail.kind() == MailKind::LockedOut));
    until("all to be sent", || async {
        let told = mails(&acme, &user_id).await;
        told.iter()
            .all(|mail| mail.state() == MailState::Sent)
            .then_some(())
    })
    .await;
    suite.stop().await;
}

#[tokio::test]
async fn i_06_a_login_from_a_new_device_is_told_by_mail() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("nora@acme.example", &secret).await;
    let mut laptop = Machine::of(&anyone, "nora@acme.example", &secret);
    // Neither the first of all, nor one that is known, nor one that looks like it.
    laptop.sign_in().await.expect("a login");
    laptop.sign_in().await.expect("a login");
    let mut same = Machine::of(&anyone, "nora@acme.example", &secret);
    same.sign_in().await.expect("a login");
    later(&acme, &anyone).await;
    assert!(mails(&acme, &user_id).await.is_empty(), "told of nothing");

    sign_in(&anyone, "acme", "nora@acme.example", &secret)
        .await
        .expect("a login from a device without a name");
    let mail = until("a notice", || async {
        suite.mails().to("nora@acme.example").await.ok()?.pop()
    })
    .await;
    assert!(mail.subject.contains("new device"), "{}", mail.subject);
    assert_eq!(mails(&acme, &user_id).await[0].kind(), MailKind::NewDevice);
    suite.stop().await;
}

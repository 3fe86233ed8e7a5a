//! Passwords and links that are mailed.

use std::time::Duration;

use contract::identity::{
    CreateUserRequest, FirstPassword, PasswordPolicy, UserAlert, UserAlertKind,
};
use mailbox::{Fault, Verb};
use testkit::{eventually, until};
use usher_tests::{Mail, Suite, password, sign_in, suite::MANY_ATTEMPTS};

use super::{ask_for, change_in, create, due, expired, get, holds, person, sent_again::resend};
use crate::{assert_refused, logins::login};

/// The password in a mail: on a line of its own, set in by four blanks.
pub fn password_in(mail: &Mail) -> String {
    let line = mail.text.lines().find_map(|line| line.strip_prefix("    "));
    line.expect("a password").trim().to_owned()
}

/// The newest of so many mails to an address.
pub async fn newest(suite: &Suite, email: &str, count: usize) -> Mail {
    until("the mail", || async {
        let mut mails = suite.mails().to(email).await.expect("mails");
        (mails.len() == count).then(|| mails.remove(count - 1))
    })
    .await
}

/// What waits sealed for mails that are still to be sent.
pub async fn sealed(suite: &Suite) -> Vec<Vec<u8>> {
    let sql = "SELECT unnest(ARRAY[password, copy_email]) FROM identity.password_mails";
    let mut database = suite.database().connect().await;
    let all: Vec<Option<Vec<u8>>> = sqlx::query_scalar(sql)
        .fetch_all(&mut database)
        .await
        .expect("what is sealed");
    all.into_iter().flatten().collect()
}

/// Whether a text stands anywhere in what identity and invitation told others
/// or keep of their mails.
pub async fn is_written(suite: &Suite, text: &str) -> bool {
    let sql = "SELECT EXISTS (
            SELECT FROM identity.outbox WHERE position($1::bytea IN payload) > 0
            UNION ALL SELECT FROM invitation.outbox WHERE position($1::bytea IN payload) > 0
            UNION ALL SELECT FROM identity.replies WHERE position($1::bytea IN reply) > 0
            UNION ALL SELECT FROM identity.password_mails m WHERE m::text LIKE '%' || encode($1, 'hex') || '%'
            UNION ALL SELECT FROM invitation.mails m WHERE position($1::bytea IN m::text::bytea) > 0)";
    let mut database = suite.database().connect().await;
    sqlx::query_scalar(sql)
        .bind(text.as_bytes())
        .fetch_one(&mut database)
        .await
        .expect("an answer")
}

#[tokio::test]
async fn p_03_a_generated_password_is_mailed_and_changed_at_the_first_login() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let longer = PasswordPolicy {
        generated_length: 24,
        ..Default::default()
    };
    ask_for(&acme, longer, &["generated_length"]).await;
    let ask = CreateUserRequest {
        first_password: FirstPassword::GeneratedAndSent.into(),
        ..person("gina@acme.example")
    };
    let gina = create(&acme, ask).await.expect("a user");
    let mail = newest(&suite, "gina@acme.example", 1).await;
    let secret = password_in(&mail);
    assert_eq!(secret.len(), 24, "{secret}");
    assert!(secret.chars().all(|letter| letter.is_ascii_alphanumeric()));
    assert!(
        !is_written(&suite, &secret).await,
        "the password is kept somewhere"
    );

    let flow = due(&acme, "gina@acme.example", &secret).await;
    assert_refused!(change_in(&acme, &flow, &secret).await, "PASSWORD_REFUSED");
    let own = password();
    let token = change_in(&acme, &flow, &own).await.expect("changed");
    assert!(holds(&acme.anyone.signed_in(&token)).await);
    assert!(
        get(&acme.admin.client, &gina.id)
            .await
            .password_expire_time
            .is_none()
    );
    assert_refused!(
        login(&acme.anyone, "acme", "gina@acme.example", &secret).await,
        "CREDENTIALS_WRONG"
    );
    sign_in(&acme.anyone, "acme", "gina@acme.example", &own)
        .await
        .expect("a login with one's own");
    suite.stop().await;
}

#[tokio::test]
async fn p_03_b_82_a_specified_password_is_sealed_until_it_was_sent() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    suite.mailbox().fault(
        Fault::reply(Verb::Rcpt, "451 4.3.0 try later")
            .only_to("sven@acme.example")
            .times(1),
    );
    let secret = password();
    let ask = CreateUserRequest {
        password: secret.clone(),
        first_password: FirstPassword::SpecifiedAndSent.into(),
        ..person("sven@acme.example")
    };
    create(&acme, ask).await.expect("a user");
    eventually("the first attempt", || async {
        let mut database = suite.database().connect().await;
        sqlx::query_scalar("SELECT count(*) = 1 FROM invitation.mails WHERE last_answer LIKE '451%' AND lease_token IS NULL")
            .fetch_one(&mut database)
            .await
            .expect("an answer")
    })
    .await;
    assert_eq!(
        sealed(&suite).await.len(),
        1,
        "it waits for the next attempt"
    );
    assert!(!is_written(&suite, &secret).await, "it is not sealed");

    suite.time().advance(Duration::from_secs(10));
    let mail = newest(&suite, "sven@acme.example", 1).await;
    assert_eq!(password_in(&mail), secret, "specified is specified");
    eventually("nothing sealed is left", || async {
        sealed(&suite).await.is_empty()
    })
    .await;
    let flow = due(&acme, "sven@acme.example", &secret).await;
    change_in(&acme, &flow, &password()).await.expect("changed");
    suite.stop().await;
}

#[tokio::test]
async fn p_03_what_a_choice_needs_is_asked_for_by_name() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let none = person("nora@acme.example");
    let field = async |ask: CreateUserRequest| {
        let refusal = assert_refused!(create(&acme, ask).await, "FIELD_INVALID");
        refusal.fields
    };
    assert_eq!(field(none.clone()).await, ["password"]);
    let both = CreateUserRequest {
        password: password(),
        first_password: FirstPassword::GeneratedAndSent.into(),
        ..none.clone()
    };
    assert_eq!(field(both).await, ["password"]);
    let hashed = CreateUserRequest {
        first_password: FirstPassword::Hashed.into(),
        ..none
    };
    assert_eq!(field(hashed).await, ["password_hash"]);
    suite.stop().await;
}

#[tokio::test]
async fn p_03_u_09_u_10_a_temporary_password_ends_after_seven_days() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let ask = CreateUserRequest {
        first_password: FirstPassword::GeneratedAndSent.into(),
        ..person("late@acme.example")
    };
    let late = create(&acme, ask).await.expect("a user");
    let secret = password_in(&newest(&suite, "late@acme.example", 1).await);
    due(&acme, "late@acme.example", &secret).await;
    let mut database = suite.database().connect().await;
    // As if a week had gone by: the admin's session does not last so long.
    sqlx::query("UPDATE identity.passwords SET expire_time = expire_time - interval '7 days' WHERE temporary")
        .execute(&mut database)
        .await
        .expect("a week");
    assert_refused!(
        login(&acme.anyone, "acme", "late@acme.example", &secret).await,
        "CREDENTIALS_WRONG"
    );
    let alerts = get(&acme.admin.client, &late.id).await.alerts;
    let kinds: Vec<_> = alerts.iter().map(UserAlert::kind).collect();
    assert_eq!(kinds, [UserAlertKind::PasswordExpired]);
    expired(&acme, &[&late.id]).await;
    resend(&acme.admin.client, &late.id, "")
        .await
        .expect("another");
    let secret = password_in(&newest(&suite, "late@acme.example", 2).await);
    due(&acme, "late@acme.example", &secret).await;
    suite.stop().await;
}

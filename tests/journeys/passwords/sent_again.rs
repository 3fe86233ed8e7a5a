//! Passwords that are sent again, and links that an admin sends.

use std::time::Duration;

use contract::identity::{
    ResendPasswordRequest, ResetPasswordRequest, SendPasswordResetRequest,
    login_service_client::LoginServiceClient, password_service_client::PasswordServiceClient,
};
use mailbox::{Fault, Verb};
use testkit::{Client, eventually};
use tonic::Status;
use usher_tests::{Suite, password, sign_in, token_mailed_to};

use super::{
    change_in, due, holds,
    mailed::{is_written, newest, password_in, sealed},
};
use crate::{assert_refused, logins::login};

pub async fn resend(client: &Client, user_id: &str, copy_email: &str) -> Result<(), Status> {
    let ask = ResendPasswordRequest {
        user_id: user_id.into(),
        copy_email: copy_email.into(),
        ..Default::default()
    };
    let mut passwords = PasswordServiceClient::new(client.clone());
    passwords.resend_password(ask).await.map(drop)
}

pub async fn send_reset(client: &Client, user_id: &str) -> Result<(), Status> {
    let ask = SendPasswordResetRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut passwords = PasswordServiceClient::new(client.clone());
    passwords.send_password_reset(ask).await.map(drop)
}

#[tokio::test]
async fn p_04_a_password_is_sent_again_with_a_copy_and_the_one_before_is_dead() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let old = password();
    let user_id = acme.user("paul@acme.example", &old).await;
    let paul = sign_in(&acme.anyone, "acme", "paul@acme.example", &old).await;
    let paul = paul.expect("a login");
    resend(&acme.admin.client, &user_id, "help@desk.example")
        .await
        .expect("asked for");
    let mail = newest(&suite, "paul@acme.example", 1).await;
    assert_eq!(mail.to, ["paul@acme.example", "help@desk.example"]);
    assert!(
        !is_written(&suite, "help@desk.example").await,
        "the address is kept"
    );
    eventually("the session's end", || async { !holds(&paul.client).await }).await;
    assert_refused!(
        login(&acme.anyone, "acme", "paul@acme.example", &old).await,
        "CREDENTIALS_WRONG"
    );
    let flow = due(&acme, "paul@acme.example", &password_in(&mail)).await;
    change_in(&acme, &flow, &password()).await.expect("changed");
    eventually("nothing sealed is left", || async {
        sealed(&suite).await.is_empty()
    })
    .await;
    suite.stop().await;
}

/// A mail that is tried again mints another password; but not over one that the
/// user has chosen since.
#[tokio::test]
async fn p_04_a_late_mail_does_not_undo_what_the_user_chose() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (old, own) = (password(), password());
    let user_id = acme.user("rosa@acme.example", &old).await;
    suite.mailbox().fault(
        Fault::reply(Verb::Rcpt, "451 4.3.0 try later")
            .only_to("rosa@acme.example")
            .times(1),
    );
    resend(&acme.admin.client, &user_id, "")
        .await
        .expect("asked for");
    let tried = || async {
        let mut database = suite.database().connect().await;
        let state: (i64, i64) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE last_answer LIKE '451%' AND lease_token IS NULL),
                    count(*) FILTER (WHERE state = 'dropped') FROM invitation.mails
             WHERE kind = 'temporary_password'",
        )
        .fetch_one(&mut database)
        .await
        .expect("an answer");
        state
    };
    eventually("the first attempt", || async { tried().await.0 == 1 }).await;
    // She has help meanwhile: a link, which goes another way.
    send_reset(&acme.admin.client, &user_id)
        .await
        .expect("asked for");
    let token = token_mailed_to(&suite.mails(), "rosa@acme.example").await;
    let ask = ResetPasswordRequest {
        token,
        password: own.clone(),
    };
    let mut logins = LoginServiceClient::new(acme.anyone.clone());
    logins
        .reset_password(ask)
        .await
        .expect("a password of her own");
    suite.time().advance(Duration::from_mins(1));
    eventually("the late mail is dropped", || async {
        tried().await.1 == 1
    })
    .await;
    sign_in(&acme.anyone, "acme", "rosa@acme.example", &own)
        .await
        .expect("her own still holds");
    suite.stop().await;
}

#[tokio::test]
async fn p_02_an_admin_sends_a_link_that_ends_all_sessions_when_used() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (old, new) = (password(), password());
    let user_id = acme.user("lars@acme.example", &old).await;
    let lars = sign_in(&acme.anyone, "acme", "lars@acme.example", &old).await;
    let lars = lars.expect("a login");
    send_reset(&acme.admin.client, &user_id)
        .await
        .expect("asked for");
    let token = token_mailed_to(&suite.mails(), "lars@acme.example").await;
    assert!(
        holds(&lars.client).await,
        "nothing ends before the link is used"
    );
    let reset = |password: &str| ResetPasswordRequest {
        token: token.clone(),
        password: password.into(),
    };
    let mut logins = LoginServiceClient::new(acme.anyone.clone());
    assert_refused!(logins.reset_password(reset(&old)).await, "PASSWORD_REFUSED");
    logins
        .reset_password(reset(&new))
        .await
        .expect("a new password");
    eventually("the session's end", || async { !holds(&lars.client).await }).await;
    sign_in(&acme.anyone, "acme", "lars@acme.example", &new)
        .await
        .expect("a login with the new one");
    suite.stop().await;
}

#[tokio::test]
async fn p_04_b_50_mails_are_few_and_sent_for_no_one_mightier() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let user_id = acme.user("bomb@acme.example", &password()).await;
    send_reset(admin, &user_id).await.expect("the first");
    resend(admin, &user_id, "").await.expect("the second");
    resend(admin, &user_id, "").await.expect("the third");
    assert_refused!(resend(admin, &user_id, "").await, "TOO_MANY_MAILS");
    assert_refused!(send_reset(admin, &user_id).await, "TOO_MANY_MAILS");

    // Nor does an address get more copies by way of many users.
    for copy in 0..4 {
        let user_id = acme
            .user(&format!("copied{copy}@acme.example"), &password())
            .await;
        let sent = resend(admin, &user_id, "Flood@victim.example").await;
        if copy < 3 {
            sent.expect("a copy");
        } else {
            assert_refused!(sent, "TOO_MANY_MAILS");
        }
    }

    let invited = acme
        .invite("invited@acme.example")
        .await
        .expect("invited")
        .user_id;
    assert_refused!(resend(admin, &invited, "").await, "USER_NOT_ACTIVE");
    assert_refused!(send_reset(admin, &invited).await, "USER_NOT_ACTIVE");
    let nobody = uuid::Uuid::new_v4().to_string();
    assert_refused!(resend(admin, &nobody, "").await, "USER_NOT_FOUND");
    let analyst = acme.member("analyst@acme.example", "analyst").await.client;
    assert_refused!(resend(&analyst, &user_id, "").await, "PERMISSION_DENIED");
    suite.stop().await;
}

//! How few passwords and mails there are, whoever asks.

use contract::identity::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, FirstPassword,
    ListAuditRecordsRequest, PasswordPolicy, RequestPasswordResetRequest, ResetPasswordRequest,
    UpdateUserRequest, UserFields, audit_service_client::AuditServiceClient,
    login_service_client::LoginServiceClient, user_service_client::UserServiceClient,
};
use mailbox::{Fault, Verb};
use prost_types::FieldMask;
use testkit::{Client, eventually, until};
use tonic::Status;
use usher_tests::{Suite, password, token_mailed_to};
use uuid::Uuid;

use super::{
    ask_for, change_in, create, due,
    mailed::{newest, password_in, sealed},
    person,
    sent_again::{resend, send_reset},
};
use crate::{assert_refused, logins::login};

async fn move_to(client: &Client, user_id: &str, email: &str) -> Result<(), Status> {
    let ask = UpdateUserRequest {
        user_id: user_id.into(),
        user: Some(UserFields {
            email: email.into(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["email".into()],
        }),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.update_user(ask).await.map(drop)
}

/// Each refusal may cost a comparison with all former passwords.
#[tokio::test]
async fn p_05_b_71_ten_refused_passwords_end_a_login_and_a_link() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let generated = CreateUserRequest {
        first_password: FirstPassword::GeneratedAndSent.into(),
        ..person("ten@acme.example")
    };
    let user_id = create(&acme, generated).await.expect("a user").id;
    let secret = password_in(&newest(&suite, "ten@acme.example", 1).await);
    let flow = due(&acme, "ten@acme.example", &secret).await;
    for _ in 0..10 {
        let refused = assert_refused!(change_in(&acme, &flow, "short").await, "PASSWORD_REFUSED");
        assert_eq!(refused.fields, ["new_password"]);
    }
    assert_refused!(change_in(&acme, &flow, &password()).await, "FLOW_ENDED");

    send_reset(&acme.admin.client, &user_id)
        .await
        .expect("sent");
    let mails = newest(&suite, "ten@acme.example", 2).await;
    assert!(!mails.text.is_empty());
    let token = token_mailed_to(&suite.mails(), "ten@acme.example").await;
    let reset = |password: &str| ResetPasswordRequest {
        token: token.clone(),
        password: password.into(),
    };
    let mut logins = LoginServiceClient::new(acme.anyone.clone());
    for _ in 0..10 {
        assert_refused!(
            logins.reset_password(reset("short")).await,
            "PASSWORD_REFUSED"
        );
    }
    assert_refused!(
        logins.reset_password(reset(&password())).await,
        "RESET_TOKEN_ENDED"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_24_a_repeated_creation_hashes_nothing_and_answers_the_same() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let ask = CreateUserRequest {
        password: password(),
        request_id: Uuid::new_v4().to_string(),
        ..person("twice@acme.example")
    };
    let first = create(&acme, ask.clone()).await.expect("a user");
    let longer = PasswordPolicy {
        min_length: 64,
        ..Default::default()
    };
    ask_for(&acme, longer, &["min_length"]).await;
    let again = create(&acme, ask).await.expect("the same answer");
    assert_eq!(again, first);
    suite.stop().await;
}

/// B-50: the address counts, whoever has it.
#[tokio::test]
async fn b_50_no_new_user_and_no_other_address_brings_more_mails() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let generated = CreateUserRequest {
        first_password: FirstPassword::GeneratedAndSent.into(),
        ..person("again@victim.example")
    };
    for _ in 0..3 {
        let user = create(&acme, generated.clone()).await.expect("a user");
        let ask = DeleteUserRequest {
            user_id: user.id,
            ..Default::default()
        };
        let mut users = UserServiceClient::new(admin.clone());
        users.delete_user(ask).await.expect("deleted");
    }
    assert_refused!(create(&acme, generated).await, "TOO_MANY_MAILS");

    let user_id = acme.user("here@acme.example", &password()).await;
    for email in [
        "flip@victim.example",
        "here@acme.example",
        "flip@victim.example",
    ] {
        move_to(admin, &user_id, email).await.expect("moved");
    }
    assert_refused!(
        move_to(admin, &user_id, "here@acme.example").await,
        "TOO_MANY_MAILS"
    );
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_50_copies_at_the_same_time_are_no_more_than_three() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let mut users = Vec::new();
    for number in 0..16 {
        let email = format!("copied{number}@acme.example");
        users.push(acme.user(&email, "a password that is new").await);
    }
    let asked: Vec<_> = users
        .into_iter()
        .map(|user_id| {
            let admin = acme.admin.client.clone();
            tokio::spawn(async move { resend(&admin, &user_id, "desk@victim.example").await })
        })
        .collect();
    let mut sent = 0;
    for one in asked {
        match one.await.expect("no panic") {
            Ok(()) => sent += 1,
            refused => drop(assert_refused!(refused, "TOO_MANY_MAILS")),
        }
    }
    assert_eq!(sent, 3);
    suite.stop().await;
}

#[tokio::test]
async fn p_02_b_50_a_stranger_leaves_the_admin_room() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let user_id = acme.user("poor@acme.example", &password()).await;
    let mut logins = LoginServiceClient::new(suite.anyone());
    for _ in 0..5 {
        let ask = RequestPasswordResetRequest {
            tenant: "acme".into(),
            username: "poor@acme.example".into(),
        };
        logins.request_password_reset(ask).await.expect("an answer");
    }
    newest(&suite, "poor@acme.example", 3).await;
    send_reset(&acme.admin.client, &user_id)
        .await
        .expect("the admin's are others");
    suite.stop().await;
}

#[tokio::test]
async fn p_04_nobody_has_a_password_sent_to_themselves_and_copies_are_named_in_the_trail() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin;
    assert_refused!(
        resend(&admin.client, &admin.user_id, "eve@evil.example").await,
        "OWN_ACCOUNT"
    );
    let user_id = acme.user("told@acme.example", &password()).await;
    resend(&admin.client, &user_id, "help@desk.example")
        .await
        .expect("asked for");
    let copied = until("the record", || async {
        let ask = ListAuditRecordsRequest {
            target_id: user_id.clone(),
            ..Default::default()
        };
        let mut trail = AuditServiceClient::new(admin.client.clone());
        let page = trail.list_audit_records(ask).await.expect("records");
        page.into_inner()
            .records
            .into_iter()
            .flat_map(|record| record.changes)
            .find(|change| change.field == "copy_email")
    })
    .await;
    assert_eq!(
        (copied.before.as_str(), copied.after.as_str()),
        ("", "help@desk.example")
    );
    suite.stop().await;
}

/// What lies in a mailbox that is not the user's any more opens nothing.
#[tokio::test]
async fn p_03_another_address_ends_a_temporary_password() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let generated = CreateUserRequest {
        first_password: FirstPassword::GeneratedAndSent.into(),
        username: "typo".into(),
        ..person("typo@victim.example")
    };
    let user_id = create(&acme, generated).await.expect("a user").id;
    let secret = password_in(&newest(&suite, "typo@victim.example", 1).await);
    due(&acme, "typo", &secret).await;
    move_to(&acme.admin.client, &user_id, "right@acme.example")
        .await
        .expect("moved");
    assert_refused!(
        login(&acme.anyone, "acme", "typo", &secret).await,
        "CREDENTIALS_WRONG"
    );
    resend(&acme.admin.client, &user_id, "")
        .await
        .expect("another");
    let mail = newest(&suite, "right@acme.example", 2).await;
    due(&acme, "typo", &password_in(&mail)).await;
    suite.stop().await;
}

#[tokio::test]
async fn p_03_b_82_nothing_sealed_waits_for_who_was_disabled() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    suite
        .mailbox()
        .fault(Fault::reply(Verb::Rcpt, "451 4.3.0 try later").only_to("gone@acme.example"));
    let ask = CreateUserRequest {
        password: password(),
        first_password: FirstPassword::SpecifiedAndSent.into(),
        ..person("gone@acme.example")
    };
    let user_id = create(&acme, ask).await.expect("a user").id;
    eventually("it waits", || async { sealed(&suite).await.len() == 1 }).await;
    let ask = DisableUserRequest {
        user_id,
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    users.disable_user(ask).await.expect("disabled");
    assert!(sealed(&suite).await.is_empty());
    suite.stop().await;
}

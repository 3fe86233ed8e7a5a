//! Other addresses and usernames of users.

use contract::identity::{
    RequestPasswordResetRequest, ResetPasswordRequest, UserFields,
    login_service_client::LoginServiceClient,
};
use contract::invitation::{
    ListMailsRequest, MailKind, MailState, mail_service_client::MailServiceClient,
};
use testkit::{eventually, until};
use usher_tests::{Suite, password, sign_in, token_mailed_to};

use super::{details, email, update};
use crate::assert_refused;

#[tokio::test]
async fn i_06_b_50_another_address_is_told_to_both_and_ends_reset_links() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let (former, now, secret) = (
        "former.address@acme.example",
        "new@acme.example",
        password(),
    );
    let id = acme.user(former, &secret).await;
    let mut logins = LoginServiceClient::new(suite.anyone());
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: former.into(),
    };
    logins.request_password_reset(ask).await.unwrap();
    let token = token_mailed_to(&suite.mails(), former).await;

    let changed = update(admin, &id, &email(now), &["email"]).await.unwrap();
    assert_eq!(
        (changed.email.as_str(), changed.username.as_str()),
        (now, former)
    );
    let ask = ResetPasswordRequest {
        token,
        password: password(),
    };
    assert_refused!(logins.reset_password(ask).await, "RESET_TOKEN_ENDED");
    sign_in(&suite.anyone(), "acme", former, &secret)
        .await
        .expect("the username is what it was");

    let told = until("a mail to each address", || async {
        let ask = ListMailsRequest {
            user_id: id.clone(),
            states: vec![MailState::Sent.into()],
            ..Default::default()
        };
        let mut mails = MailServiceClient::new(admin.clone());
        let sent = mails.list_mails(ask).await.ok()?.into_inner().mails;
        let told = sent
            .into_iter()
            .filter(|mail| mail.kind() == MailKind::EmailChanged);
        let told: Vec<String> = told.map(|mail| mail.email).collect();
        (told.len() == 2).then_some(told)
    })
    .await;
    assert!(
        told.contains(&former.to_owned()) && told.contains(&now.to_owned()),
        "{told:?}"
    );
    for address in [former, now] {
        let caught = suite.mails().to(address).await.unwrap();
        let mail = caught.last().expect("a mail");
        assert!(mail.subject.contains("address of your account"), "{mail:?}");
        assert!(
            !mail.text.contains('@') && !mail.text.contains("://"),
            "{mail:?}"
        );
    }

    // Neither address is in an event; the former is kept by identity under seal.
    let mut database = suite.database().connect().await;
    for table in [
        "identity.outbox",
        "identity.email_changes",
        "identity.audit_records",
    ] {
        for address in [former, now] {
            let sql = format!(
                "SELECT count(*) FROM {table} t WHERE t::text LIKE '%' || encode('{address}', 'hex') || '%'"
            );
            let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .fetch_one(&mut database)
                .await
                .unwrap();
            assert_eq!(found, 0, "{address} in {table}");
        }
    }
    // And for three days: what removes it is at work where a replica starts.
    let past = "UPDATE identity.email_changes SET expire_time = expire_time - interval '72 hours'";
    sqlx::query(past).execute(&mut database).await.unwrap();
    let replica = suite.replica().await;
    eventually("the former address is gone", || async {
        let sql = "SELECT count(*) FROM identity.email_changes";
        let mut database = suite.database().connect().await;
        let kept: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .unwrap();
        kept == 0
    })
    .await;
    replica.stop().await;
    suite.stop().await;
}

#[tokio::test]
async fn u_06_names_that_others_have_and_invitees_stay_as_they_are() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let ada = acme.user("ada@acme.example", &password()).await;
    acme.user("grace@acme.example", &password()).await;
    let hers = UserFields {
        email: "GRACE@acme.example".into(),
        username: "Grace@ACME.example".into(),
        ..Default::default()
    };
    assert_refused!(update(admin, &ada, &hers, &["email"]).await, "EMAIL_TAKEN");
    assert_refused!(
        update(admin, &ada, &hers, &["username"]).await,
        "USERNAME_TAKEN"
    );

    let invited = acme.invite("invited@acme.example").await.unwrap().user_id;
    for path in ["email", "username"] {
        let other = UserFields {
            username: "other".into(),
            ..email("other@acme.example")
        };
        assert_refused!(
            update(admin, &invited, &other, &[path]).await,
            "SETUP_PENDING"
        );
    }
    let renamed = update(admin, &invited, &details(), &["phone"])
        .await
        .unwrap();
    assert_eq!(renamed.email, "invited@acme.example");
    suite.stop().await;
}

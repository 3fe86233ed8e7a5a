//! What a tenant's policy asks of passwords.

use std::time::Duration;

use contract::identity::{CreateUserRequest, PasswordPolicy, UserAlert, UserAlertKind};
use testkit::eventually;
use usher_tests::{Suite, password, sign_in, suite::MANY_ATTEMPTS};

use super::{ask_for, change, change_in, create, due, expired, get, person};
use crate::assert_refused;

#[tokio::test]
async fn p_05_former_passwords_stay_taken_as_long_as_the_policy_says() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let used: Vec<String> = (0..5).map(|_| password()).collect();
    acme.user("hanna@acme.example", &used[0]).await;
    let signed_in = sign_in(&suite.anyone(), "acme", "hanna@acme.example", &used[0]).await;
    let hanna = signed_in.expect("a login").client;
    let history = PasswordPolicy {
        history_length: 2,
        ..Default::default()
    };
    ask_for(&acme, history, &["history_length"]).await;
    for pair in used.windows(2).take(2) {
        change(&hanna, &pair[0], &pair[1]).await.expect("changed");
    }
    for taken in &used[..3] {
        let refused = change(&hanna, &used[2], taken).await;
        assert_refused!(refused, "PASSWORD_REFUSED");
    }
    change(&hanna, &used[2], &used[3]).await.expect("changed");
    // Two are known beside the one in force; the first is not any more.
    assert_refused!(change(&hanna, &used[3], &used[1]).await, "PASSWORD_REFUSED");
    change(&hanna, &used[3], &used[0])
        .await
        .expect("changed back");
    let mut database = suite.database().connect().await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.former_passwords")
        .fetch_one(&mut database)
        .await
        .expect("a count");
    assert_eq!(kept, 2, "more is kept than is needed");
    suite.stop().await;
}

#[tokio::test]
async fn p_05_u_10_an_old_password_is_told_of_and_must_be_changed_at_the_next_login() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (first, second) = (password(), password());
    let user_id = acme.user("otto@acme.example", &first).await;
    let day = Duration::from_hours(24);
    let yearly = PasswordPolicy {
        max_age: Some(prost_types::Duration {
            seconds: 90 * 86_400,
            nanos: 0,
        }),
        ..Default::default()
    };
    ask_for(&acme, yearly, &["max_age"]).await;
    sign_in(&suite.anyone(), "acme", "otto@acme.example", &first)
        .await
        .expect("it holds");
    let until = get(&acme.admin.client, &user_id).await.password_expire_time;

    // A notice, once, when it is soon; and nothing is asked yet.
    suite.later(day * 80).await;
    let mails = suite.mails();
    eventually("the notice", || async {
        mails.to("otto@acme.example").await.expect("mails").len() == 1
    })
    .await;
    let notice = mails
        .to("otto@acme.example")
        .await
        .expect("mails")
        .remove(0);
    assert!(
        notice.subject.contains("must be changed soon"),
        "{notice:?}"
    );
    sign_in(&suite.anyone(), "acme", "otto@acme.example", &first)
        .await
        .expect("it holds");

    suite.later(day * 11).await;
    let flow = due(&acme, "otto@acme.example", &first).await;
    assert_refused!(change_in(&acme, &flow, &first).await, "PASSWORD_REFUSED");
    let token = change_in(&acme, &flow, &second).await.expect("changed");
    let otto = acme.anyone.signed_in(&token);
    assert_refused!(change_in(&acme, &flow, &password()).await, "FLOW_ENDED");
    assert!(get(&otto, "").await.alerts.is_empty());
    sign_in(&suite.anyone(), "acme", "otto@acme.example", &second)
        .await
        .expect("it holds");

    suite.later(day * 90).await;
    let flow = due(&acme, "otto@acme.example", &second).await;
    let token = change_in(&acme, &flow, &password()).await.expect("changed");
    let otto = acme.anyone.signed_in(&token);
    let next = get(&otto, "").await.password_expire_time;
    assert!(
        next.zip(until)
            .is_some_and(|(next, until)| next.seconds > until.seconds)
    );
    suite.stop().await;
}

#[tokio::test]
async fn u_09_u_10_an_admin_sees_whose_password_is_too_old_and_since_when() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let user_id = acme.user("olga@acme.example", &password()).await;
    let yearly = PasswordPolicy {
        max_age: Some(prost_types::Duration {
            seconds: 86_400,
            nanos: 0,
        }),
        ..Default::default()
    };
    ask_for(&acme, yearly, &["max_age"]).await;
    let before = get(&acme.admin.client, &user_id).await;
    assert!(before.alerts.is_empty(), "{before:?}");
    // As if it was set two days ago: the admin's session does not last so long.
    let mut database = suite.database().connect().await;
    sqlx::query(
        "UPDATE identity.passwords SET change_time = change_time - interval '2 days'
         WHERE user_id = $1::uuid",
    )
    .bind(&user_id)
    .execute(&mut database)
    .await
    .expect("an old password");
    let after = get(&acme.admin.client, &user_id).await;
    let kinds: Vec<_> = after.alerts.iter().map(UserAlert::kind).collect();
    assert_eq!(kinds, [UserAlertKind::PasswordExpired]);
    assert_eq!(after.alerts[0].start_time, after.password_expire_time);
    let since = before.password_expire_time.expect("a time").seconds - 2 * 86_400;
    assert_eq!(after.alerts[0].start_time.expect("a time").seconds, since);
    expired(&acme, &[&user_id]).await;
    let clearing = &after.alerts[0].clearing_method;
    assert_eq!(
        clearing,
        "usher.identity.v1.PasswordService/SendPasswordReset"
    );
    suite.stop().await;
}

#[tokio::test]
async fn p_05_what_a_policy_asks_for_is_asked_wherever_a_password_is_set() {
    let known = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../deploy/dev/breached-passwords.bin"
    );
    let suite = Suite::start_with(&["--breached-passwords", known]).await;
    let acme = suite.company("acme").await;
    let breached = "correct horse battery staple";
    let mut ask = CreateUserRequest {
        password: breached.into(),
        ..person("bea@acme.example")
    };
    let refused = create(&acme, ask.clone()).await;
    assert!(
        refused
            .as_ref()
            .is_err_and(|status| status.message().contains("breach"))
    );
    assert_refused!(refused, "PASSWORD_REFUSED");
    let taken = PasswordPolicy {
        breached_allowed: true,
        min_length: 20,
        min_strength: 4,
        ..Default::default()
    };
    ask_for(
        &acme,
        taken,
        &["breached_allowed", "min_length", "min_strength"],
    )
    .await;
    create(&acme, ask.clone())
        .await
        .expect("breached ones are taken");

    // In a link's form as little as in an admin's.
    ask.email = "bert@acme.example".into();
    ask.password = "kx9#mQ2vTz!p4wLn7&c".into();
    assert_refused!(create(&acme, ask.clone()).await, "PASSWORD_REFUSED");
    let bea = sign_in(&suite.anyone(), "acme", "bea@acme.example", breached).await;
    let bea = bea.expect("a login").client;
    assert_refused!(
        change(&bea, breached, &ask.password).await,
        "PASSWORD_REFUSED"
    );
    // Long and in no list, and still easily found.
    let weak = "blue47guitarblue47guitar";
    let told = change(&bea, breached, weak).await;
    assert!(
        told.as_ref()
            .is_err_and(|status| status.message().contains("harder to guess")),
        "{told:?}"
    );
    assert_refused!(told, "PASSWORD_REFUSED");
    change(&bea, breached, "kx9#mQ2vTz!p4wLn7&cR")
        .await
        .expect("it is long and strong");
    suite.stop().await;
}

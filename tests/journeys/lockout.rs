//! Guessing.

mod in_a_row;
pub mod policy;

use std::time::Duration;

use contract::identity::{
    GetUserRequest, UnlockUserRequest, UserAlertKind, user_service_client::UserServiceClient,
};
use testkit::until;
use usher_tests::{Suite, password, sign_in, suite::MANY_ATTEMPTS};

use crate::{assert_refused, logins::login};

/// Wrong passwords until the account is locked.
async fn guess_until_locked(suite: &Suite, username: &str) {
    for _ in 0..12 {
        assert_refused!(
            login(&suite.anyone(), "acme", username, "a wrong password").await,
            "CREDENTIALS_WRONG"
        );
    }
}

#[tokio::test]
async fn p_06_guessing_locks_and_an_admin_unlocks() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let secret = password();
    let user_id = acme.user("lotte@acme.example", &secret).await;
    guess_until_locked(&suite, "Lotte@ACME.example").await;
    // Locked looks like wrong, also with the right password.
    assert_refused!(
        login(&suite.anyone(), "acme", "lotte@acme.example", &secret).await,
        "CREDENTIALS_WRONG"
    );
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    let ask = GetUserRequest {
        user_id: user_id.clone(),
    };
    let user = users
        .get_user(ask)
        .await
        .unwrap()
        .into_inner()
        .user
        .unwrap();
    assert_eq!(user.alerts[0].kind(), UserAlertKind::LockedOut);
    users
        .unlock_user(UnlockUserRequest {
            user_id: user_id.clone(),
            ..Default::default()
        })
        .await
        .unwrap();
    sign_in(&suite.anyone(), "acme", "lotte@acme.example", &secret)
        .await
        .expect("a login after the unlock");

    let trail = until("the lockout in the audit trail", || async {
        let ask = contract::identity::ListAuditRecordsRequest {
            target_id: user_id.clone(),
            page_size: 100,
            ..Default::default()
        };
        let mut audit = contract::identity::audit_service_client::AuditServiceClient::new(
            acme.admin.client.clone(),
        );
        let records = audit
            .list_audit_records(ask)
            .await
            .unwrap()
            .into_inner()
            .records;
        let actions: Vec<_> = records.into_iter().map(|record| record.action).collect();
        actions
            .contains(&"login_succeeded".to_owned())
            .then_some(actions)
    })
    .await;
    for action in ["login_failed", "user_locked_out", "user_unlocked"] {
        assert!(
            trail.contains(&action.to_owned()),
            "no {action} in {trail:?}"
        );
    }
    suite.stop().await;
}

/// Leaves the whole budget charged for answers that nobody checks any more.
async fn leave_all_pending(suite: &Suite, tenant_id: &str, user_id: &str) {
    let sql = "INSERT INTO identity.attempts
            (tenant_id, user_id, failures, pending, lease_end_time, window_end_time)
        VALUES ($1::uuid, $2::uuid, 0, 10, now() + interval '30 seconds', now() + interval '15 minutes')";
    let mut db = suite.database().connect().await;
    sqlx::query(sql)
        .bind(tenant_id)
        .bind(user_id)
        .execute(&mut db)
        .await
        .expect("what a killed process leaves");
}

#[tokio::test]
async fn p_06_a_process_killed_during_guesses_keeps_nobody_out() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let waits = acme.user("waits@acme.example", &secret).await;
    let helped = acme.user("helped@acme.example", &secret).await;
    for user_id in [&waits, &helped] {
        leave_all_pending(&suite, &acme.id, user_id).await;
    }
    assert_refused!(
        login(&anyone, "acme", "helped@acme.example", &secret).await,
        "TOO_MANY_LOGINS"
    );
    let ask = UnlockUserRequest {
        user_id: helped,
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    users.unlock_user(ask).await.expect("an unlock");
    sign_in(&anyone, "acme", "helped@acme.example", &secret)
        .await
        .expect("a login after the unlock");

    assert_refused!(
        login(&anyone, "acme", "waits@acme.example", &secret).await,
        "TOO_MANY_LOGINS"
    );
    suite.time().advance(Duration::from_secs(31));
    sign_in(&anyone, "acme", "waits@acme.example", &secret)
        .await
        .expect("a login after half a minute");
    suite.stop().await;
}

#[tokio::test]
async fn b_02_parallel_guesses_are_all_counted() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let user_id = acme.user("victim@acme.example", &password()).await;
    let guesses = (0..200).map(|_| {
        let anyone = suite.anyone();
        tokio::spawn(async move {
            login(&anyone, "acme", "victim@acme.example", "a wrong password").await
        })
    });
    for guess in guesses.collect::<Vec<_>>() {
        guess
            .await
            .unwrap()
            .expect_err("a wrong password was right");
    }
    // Each verification leaves one record; what was refused unseen leaves none.
    let verified = until("the guesses in the audit trail", || async {
        let ask = contract::identity::ListAuditRecordsRequest {
            target_id: user_id.clone(),
            actions: vec!["login_failed".into(), "user_locked_out".into()],
            page_size: 100,
            ..Default::default()
        };
        let mut audit = contract::identity::audit_service_client::AuditServiceClient::new(
            acme.admin.client.clone(),
        );
        let records = audit
            .list_audit_records(ask)
            .await
            .unwrap()
            .into_inner()
            .records;
        let locked = records
            .iter()
            .any(|record| record.action == "user_locked_out");
        locked.then(|| {
            records
                .iter()
                .filter(|record| record.action == "login_failed")
                .count()
        })
    })
    .await;
    assert!(
        (1..=10).contains(&verified),
        "{verified} of 200 guesses were verified, 10 are allowed"
    );
    suite.stop().await;
}

/// By the time that such an answer is known, others may be checked in its place.
#[tokio::test]
async fn b_02_an_answer_is_not_told_when_its_charge_may_be_over() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let user_id = acme.user("slow@acme.example", &password()).await;
    let guesses = (0..10).map(|_| {
        let anyone = suite.anyone();
        tokio::spawn(async move {
            login(&anyone, "acme", "slow@acme.example", "a wrong password").await
        })
    });
    let guesses: Vec<_> = guesses.collect();
    let mut db = suite.database().connect().await;
    while !guesses.iter().all(tokio::task::JoinHandle::is_finished) {
        let sql = "SELECT EXISTS (SELECT FROM identity.attempts WHERE user_id = $1::uuid AND pending > 0)";
        let pending = sqlx::query_scalar(sql).bind(&user_id).fetch_one(&mut db);
        if pending.await.expect("a look") {
            break;
        }
    }
    suite.time().advance(Duration::from_secs(25));
    let mut reasons = Vec::new();
    for guess in guesses {
        let status = guess
            .await
            .unwrap()
            .expect_err("a wrong password was right");
        reasons.push(testkit::refusal(&status).reason);
    }
    assert!(
        reasons.contains(&"TOO_MANY_LOGINS".into()),
        "all were told: {reasons:?}"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_03_many_valid_logins_at_once_all_pass() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let secret = password();
    acme.user("busy@acme.example", &secret).await;
    let logins = (0..50).map(|_| {
        let (anyone, secret) = (suite.anyone(), secret.clone());
        tokio::spawn(async move { again(&anyone, &secret).await })
    });
    for one in logins.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    suite.stop().await;
}

/// A client that does as `RetryInfo` says while all hashing threads are busy.
async fn again(anyone: &testkit::Client, secret: &str) {
    until("a login", || async {
        match login(anyone, "acme", "busy@acme.example", secret).await {
            Ok(_) => Some(()),
            Err(status) if testkit::refusal(&status).retry => None,
            Err(status) => panic!("a valid login was refused: {status:?}"),
        }
    })
    .await;
}

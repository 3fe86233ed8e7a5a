//! Guessing for as long as it takes (B-9): windows end, the count does not.

use std::time::Duration;

use contract::identity::{
    LockoutPolicy, RequestPasswordResetRequest, ResetPasswordRequest,
    login_service_client::LoginServiceClient,
};
use testkit::{Client, until};
use usher_tests::{Company, Suite, password, sign_in, suite::MANY_ATTEMPTS, token_mailed_to};

use super::policy::{lock, set_lockout, unlock, user};
use crate::{assert_refused, devices::Machine, logins::login};

const PIA: &str = "pia@acme.example";
/// What an account has in a row, where its user is known by one device.
const BUT_FOR_ONE_DEVICE: usize = 95;

/// Many guesses a window, and locks that are soon over.
async fn lenient(acme: &Company) {
    let minute = Some(prost_types::Duration {
        seconds: 60,
        nanos: 0,
    });
    let policy = LockoutPolicy {
        max_attempts: 20,
        window: minute,
        duration: minute,
        ..Default::default()
    };
    set_lockout(acme, policy, &["max_attempts", "window", "duration"]).await;
}

/// Guesses in one window after the other.
async fn guess(suite: &Suite, times: usize) {
    for tried in 0..times {
        if tried % 19 == 0 {
            suite.time().advance(Duration::from_secs(61));
        }
        let guessed = login(&suite.anyone(), "acme", PIA, "a wrong password").await;
        assert_refused!(guessed, "CREDENTIALS_WRONG");
    }
}

async fn in_a_row(suite: &Suite, user_id: &str) -> i32 {
    let sql = "SELECT in_a_row FROM identity.attempts WHERE user_id = $1::uuid";
    let mut db = suite.database().connect().await;
    let count = sqlx::query_scalar(sql).bind(user_id).fetch_one(&mut db);
    count.await.expect("a budget")
}

async fn is_locked(suite: &Suite, acme: &Company, user_id: &str) -> bool {
    // Longer than any lock that opens by itself.
    suite.time().advance(Duration::from_mins(10));
    !user(acme, user_id).await.alerts.is_empty()
}

/// Sets a password through a mailed link.
async fn reset(suite: &Suite, anyone: &Client) -> String {
    let mut logins = LoginServiceClient::new(anyone.clone());
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: PIA.into(),
    };
    logins.request_password_reset(ask).await.expect("an answer");
    // An earlier mail may be there already.
    until("a new password", || async {
        let ask = ResetPasswordRequest {
            token: token_mailed_to(&suite.mails(), PIA).await,
            password: password(),
        };
        let new = ask.password.clone();
        let set = logins.clone().reset_password(ask).await;
        set.is_ok().then_some(new)
    })
    .await
}

#[tokio::test]
async fn b_09_no_more_than_a_hundred_in_a_row_however_slowly() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user(PIA, &secret).await;
    lenient(&acme).await;
    let mut machine = Machine::of(&anyone, PIA, &secret);
    machine.sign_in().await.expect("a login");

    // A login of the owner, on a device that they are known by, begins it anew.
    guess(&suite, BUT_FOR_ONE_DEVICE - 1).await;
    assert!(!is_locked(&suite, &acme, &user_id).await);
    machine.sign_in().await.expect("a login");
    guess(&suite, BUT_FOR_ONE_DEVICE - 1).await;
    assert!(!is_locked(&suite, &acme, &user_id).await);

    guess(&suite, 20).await;
    assert_eq!(in_a_row(&suite, &user_id).await, 95, "guesses were checked");
    assert!(is_locked(&suite, &acme, &user_id).await, "open for more");
    assert_refused!(
        login(&anyone, "acme", PIA, &secret).await,
        "CREDENTIALS_WRONG"
    );
    machine.sign_in().await.expect("the owner is kept out");
    assert!(is_locked(&suite, &acme, &user_id).await, "open for more");

    // The owner opens it, or an admin does.
    let secret = reset(&suite, &anyone).await;
    assert!(!is_locked(&suite, &acme, &user_id).await, "still locked");
    sign_in(&anyone, "acme", PIA, &secret)
        .await
        .expect("a login with the new password");
    guess(&suite, 110).await;
    assert!(is_locked(&suite, &acme, &user_id).await);
    unlock(&acme, &user_id).await;
    sign_in(&anyone, "acme", PIA, &secret)
        .await
        .expect("a login after the unlock");
    suite.stop().await;
}

/// However many come at once for the last that are left.
#[tokio::test]
async fn b_09_parallel_guesses_are_no_more_in_a_row() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let user_id = acme.user(PIA, &password()).await;
    lenient(&acme).await;
    guess(&suite, 1).await;
    let sql = "UPDATE identity.attempts SET in_a_row = 97 WHERE user_id = $1::uuid";
    let mut db = suite.database().connect().await;
    let left = sqlx::query(sql).bind(&user_id).execute(&mut db).await;
    left.expect("many guesses before");
    let guesses = (0..50).map(|_| {
        let anyone = suite.anyone();
        tokio::spawn(async move { login(&anyone, "acme", PIA, "a wrong password").await })
    });
    for guess in guesses.collect::<Vec<_>>() {
        guess
            .await
            .unwrap()
            .expect_err("a wrong password was right");
    }
    assert_eq!(in_a_row(&suite, &user_id).await, 100, "three were left");
    suite.stop().await;
}

/// Who reads the mails of a user has not proven their second factor, however
/// often they set a new password.
#[tokio::test]
async fn b_09_a_mailed_link_makes_up_for_no_second_factors() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let user_id = acme.user(PIA, &password()).await;
    lenient(&acme).await;
    guess(&suite, 1).await;
    let sql = "UPDATE identity.attempts SET in_a_row = 99, factors_in_a_row = $2
               WHERE user_id = $1::uuid";
    let mut db = suite.database().connect().await;
    for (factors, opens) in [(99, true), (100, false)] {
        let guessed = sqlx::query(sql).bind(&user_id).bind(factors);
        guessed.execute(&mut db).await.expect("many guesses before");
        guess(&suite, 1).await;
        assert!(is_locked(&suite, &acme, &user_id).await, "open for more");
        reset(&suite, &suite.anyone()).await;
        assert_eq!(in_a_row(&suite, &user_id).await, factors);
        assert_eq!(!is_locked(&suite, &acme, &user_id).await, opens);
    }
    suite.stop().await;
}

/// What an admin locked, or the policy leaves to admins, no mailed link opens.
#[tokio::test]
async fn p_06_a_mailed_link_opens_no_lock_of_an_admin() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let user_id = acme.user(PIA, &password()).await;
    lock(&acme.admin.client, &user_id).await.expect("a lock");
    let secret = reset(&suite, &anyone).await;
    assert_refused!(
        login(&anyone, "acme", PIA, &secret).await,
        "CREDENTIALS_WRONG"
    );
    unlock(&acme, &user_id).await;
    let for_good = LockoutPolicy {
        duration: Some(prost_types::Duration::default()),
        ..Default::default()
    };
    set_lockout(&acme, for_good, &["duration"]).await;
    guess(&suite, 10).await;
    let secret = reset(&suite, &anyone).await;
    assert_refused!(
        login(&anyone, "acme", PIA, &secret).await,
        "CREDENTIALS_WRONG"
    );
    suite.stop().await;
}

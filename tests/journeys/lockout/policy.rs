//! What the policy of a tenant says of guessing, and what an admin can do.

use std::time::Duration;

use contract::identity::{
    GetUserRequest, LockUserRequest, LockoutPolicy, LoginRequest, Policy, UnlockUserRequest,
    UpdatePolicyRequest, User, UserAlertKind, ValidateSessionRequest, VerifyTotpRequest,
    login_response::Outcome, login_service_client::LoginServiceClient,
    policy_service_client::PolicyServiceClient, session_service_client::SessionServiceClient,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;
use testkit::Client;
use tonic::Status;
use usher_tests::{Company, Suite, password, sign_in, suite::MANY_ATTEMPTS};

use crate::{assert_refused, devices::Machine, logins::login};

/// Sets some of what the policy says of lockouts.
pub async fn set_lockout(acme: &Company, lockout: LockoutPolicy, fields: &[&str]) {
    let ask = UpdatePolicyRequest {
        policy: Some(Policy {
            lockout: Some(lockout),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: fields
                .iter()
                .map(|field| format!("lockout.{field}"))
                .collect(),
        }),
        ..Default::default()
    };
    PolicyServiceClient::new(acme.admin.client.clone())
        .update_policy(ask)
        .await
        .expect("a policy");
}

pub async fn user(acme: &Company, user_id: &str) -> User {
    let ask = GetUserRequest {
        user_id: user_id.into(),
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    let reply = users.get_user(ask).await.expect("a user");
    reply.into_inner().user.expect("a user")
}

pub async fn lock(client: &Client, user_id: &str) -> Result<User, Status> {
    let ask = LockUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let reply = UserServiceClient::new(client.clone())
        .lock_user(ask)
        .await?;
    Ok(reply.into_inner().user.expect("a user"))
}

pub async fn unlock(acme: &Company, user_id: &str) {
    let ask = UnlockUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    users.unlock_user(ask).await.expect("an unlock");
}

async fn guess(anyone: &Client, times: usize) {
    for _ in 0..times {
        let tried = login(anyone, "acme", "pia@acme.example", "a wrong password").await;
        assert_refused!(tried, "CREDENTIALS_WRONG");
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a field of a message is an option"
)]
fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

#[tokio::test]
async fn p_06_the_policy_says_how_many_and_for_how_long() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("pia@acme.example", &secret).await;
    let few = LockoutPolicy {
        max_attempts: 3,
        window: seconds(300),
        duration: seconds(60),
        ..Default::default()
    };
    set_lockout(&acme, few, &["max_attempts", "window", "duration"]).await;

    // Wrong answers count for as long as the window, from the first.
    guess(&anyone, 2).await;
    suite.time().advance(Duration::from_secs(301));
    guess(&anyone, 2).await;
    sign_in(&anyone, "acme", "pia@acme.example", &secret)
        .await
        .expect("two of three are left");

    guess(&anyone, 3).await;
    let alerts = user(&acme, &user_id).await.alerts;
    assert_eq!(alerts[0].kind(), UserAlertKind::LockedOut);
    assert_refused!(
        login(&anyone, "acme", "pia@acme.example", &secret).await,
        "CREDENTIALS_WRONG"
    );
    suite.time().advance(Duration::from_secs(61));
    assert!(
        user(&acme, &user_id).await.alerts.is_empty(),
        "still locked"
    );
    sign_in(&anyone, "acme", "pia@acme.example", &secret)
        .await
        .expect("a lock opens by itself");

    let for_good = LockoutPolicy {
        duration: seconds(0),
        ..Default::default()
    };
    set_lockout(&acme, for_good, &["duration"]).await;
    guess(&anyone, 3).await;
    let chief = password();
    let id = acme.user("chief@acme.example", &chief).await;
    acme.grant(&id, "admin", "").await.expect("a role");
    suite.later(Duration::from_hours(40 * 24)).await;
    let admin = sign_in(&anyone, "acme", "chief@acme.example", &chief)
        .await
        .expect("the sessions of then are over");
    let acme = Company { admin, ..acme };
    assert_eq!(user(&acme, &user_id).await.alerts.len(), 1);
    assert_refused!(
        login(&anyone, "acme", "pia@acme.example", &secret).await,
        "CREDENTIALS_WRONG"
    );
    unlock(&acme, &user_id).await;
    sign_in(&anyone, "acme", "pia@acme.example", &secret)
        .await
        .expect("a login after the unlock");
    suite.stop().await;
}

#[tokio::test]
async fn p_06_an_admin_locks_an_account_and_unlocks_it() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let secret = password();
    let user_id = acme.user("pia@acme.example", &secret).await;
    let mut machine = Machine::of(&suite.anyone(), "pia@acme.example", &secret);
    let session = machine.sign_in().await.expect("a login");

    let locked = lock(&acme.admin.client, &user_id).await.expect("a lock");
    assert_eq!(locked.alerts[0].kind(), UserAlertKind::LockedOut);
    let ask = ValidateSessionRequest {
        session_token: session.session_token,
    };
    let mut sessions = SessionServiceClient::new(suite.anyone());
    assert_refused!(sessions.validate_session(ask).await, "SESSION_ENDED");
    // Not on a device that the user is known by either, and time does not help.
    suite.time().advance(Duration::from_hours(1));
    assert_refused!(machine.login(&secret).await, "CREDENTIALS_WRONG");
    assert_refused!(
        login(&suite.anyone(), "acme", "pia@acme.example", &secret).await,
        "CREDENTIALS_WRONG"
    );
    lock(&acme.admin.client, &user_id)
        .await
        .expect("locked already");
    unlock(&acme, &user_id).await;
    machine.sign_in().await.expect("a login after the unlock");

    let own = acme.admin.user_id.clone();
    assert_refused!(lock(&acme.admin.client, &own).await, "OWN_ACCOUNT");
    let nobody = uuid::Uuid::new_v4().to_string();
    assert_refused!(lock(&acme.admin.client, &nobody).await, "USER_NOT_FOUND");
    suite.stop().await;
}

/// Flags with which a test says from which address it calls.
const BEHIND_A_PROXY: [&str; 6] = [
    "--trusted-proxies",
    "192.0.2.0/24",
    "--attempts-per-minute",
    "1000000",
    "--attempts-burst",
    "1000000",
];

fn from(anyone: &Client, address: &str) -> Client {
    anyone.with("x-forwarded-for", address)
}

async fn spray(from: &Client, tenant: &str, number: usize) -> Status {
    let name = format!("somebody{number}@acme.example");
    login(from, tenant, &name, "a wrong password")
        .await
        .expect_err("a wrong password was right")
}

#[tokio::test]
async fn p_06_an_address_that_guesses_too_much_is_refused() {
    let suite = Suite::start_with(&BEHIND_A_PROXY).await;
    let acme = suite.company("acme").await;
    let secret = password();
    acme.user("pia@acme.example", &secret).await;
    let (bad, good) = (
        from(&suite.anyone(), "198.51.100.7"),
        from(&suite.anyone(), "198.51.100.8"),
    );
    let mut machine = Machine::of(&bad, "pia@acme.example", &secret);
    machine.sign_in().await.expect("a first login");
    let few = LockoutPolicy {
        max_attempts_per_address: 10,
        ..Default::default()
    };
    set_lockout(&acme, few, &["max_attempts_per_address"]).await;

    for number in 0..10 {
        let status = spray(&bad, "acme", number).await;
        assert_eq!(testkit::refusal(&status).reason, "CREDENTIALS_WRONG");
    }
    for tried in [
        spray(&bad, "acme", 11).await,
        login(&bad, "acme", "pia@acme.example", &secret)
            .await
            .expect_err("the address is refused"),
    ] {
        let refusal = testkit::refusal(&tried);
        assert_eq!(refusal.reason, "TOO_MANY_WRONG_ANSWERS", "{tried:?}");
        assert!(refusal.retry, "when to come back is not told");
    }
    // Others are let in, and so is a device that was there before.
    sign_in(&good, "acme", "pia@acme.example", &secret)
        .await
        .expect("from another address");
    machine.sign_in().await.expect("from a known device");
    // Another tenant counts for itself, and so do those that do not exist.
    let status = spray(&bad, "nowhere", 0).await;
    assert_eq!(testkit::refusal(&status).reason, "CREDENTIALS_WRONG");
    suite.time().advance(Duration::from_mins(16));
    sign_in(&bad, "acme", "pia@acme.example", &secret)
        .await
        .expect("after the window");
    suite.stop().await;
}

#[tokio::test]
async fn p_06_parallel_guesses_of_one_address_are_all_counted() {
    let suite = Suite::start_with(&BEHIND_A_PROXY).await;
    let acme = suite.company("acme").await;
    let few = LockoutPolicy {
        max_attempts_per_address: 10,
        ..Default::default()
    };
    set_lockout(&acme, few, &["max_attempts_per_address"]).await;
    // A network of IPv6 is one address.
    let guesses = (0..100).map(|number| {
        let bad = from(&suite.anyone(), &format!("2001:db8::{number:x}"));
        tokio::spawn(async move { spray(&bad, "acme", number).await })
    });
    let mut wrong = 0;
    for guess in guesses.collect::<Vec<_>>() {
        let reason = testkit::refusal(&guess.await.unwrap()).reason;
        wrong += usize::from(reason == "CREDENTIALS_WRONG");
    }
    assert!((1..=10).contains(&wrong), "{wrong} of 100 were checked");
    suite.stop().await;
}

/// However a name is written, and whatever is answered to, it is one budget.
#[tokio::test]
async fn b_04_all_spellings_of_a_name_share_one_budget() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let user_id = acme.user("pia@acme.example", &password()).await;
    let mut logins = LoginServiceClient::new(suite.anyone());
    let (names, tenants) = (
        [
            "pia@acme.example",
            "PIA@ACME.EXAMPLE",
            " Pia@acme.example ",
            "\u{ff50}ia@acme.example",
            "pia@acme.example.",
        ],
        ["acme", "ACME", " acme", acme.id.as_str()],
    );
    for (username, tenant) in names
        .iter()
        .flat_map(|name| tenants.map(|tenant| (*name, tenant)))
    {
        let ask = LoginRequest {
            tenant: tenant.into(),
            username: username.into(),
            password: "a wrong password".into(),
            ..Default::default()
        };
        assert_refused!(logins.login(ask).await, "CREDENTIALS_WRONG");
    }
    let mut db = suite.database().connect().await;
    let sql = "SELECT failures FROM identity.attempts WHERE user_id = $1::uuid";
    let failures: i32 = sqlx::query_scalar(sql)
        .bind(&user_id)
        .fetch_one(&mut db)
        .await
        .expect("a budget");
    assert_eq!(failures, 10, "wrong answers of the one user");
    suite.stop().await;
}

/// One budget over passwords and codes, whichever flows they are guessed in.
#[tokio::test]
async fn b_04_b_09_codes_and_passwords_are_guessed_at_one_budget() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let secret = password();
    let user_id = acme.user("pia@acme.example", &secret).await;
    let mut machine = Machine::of(&suite.anyone(), "pia@acme.example", &secret);
    let _phone = machine.enrol_asked().await;
    let mut flows = Vec::new();
    for _ in 0..20 {
        match login(&suite.anyone(), "acme", "pia@acme.example", &secret).await {
            Ok(Outcome::Flow(flow)) => flows.push(flow.flow_token),
            other => panic!("no flow: {other:?}"),
        }
    }
    guess(&suite.anyone(), 4).await;
    let guesses = (0..500).map(|number| {
        let (anyone, flow_token) = (suite.anyone(), flows[number % flows.len()].clone());
        // None of them is right: a code has six digits, and these ten are few.
        let code = format!("{:06}", 999_999 - number);
        tokio::spawn(async move {
            let ask = VerifyTotpRequest { flow_token, code };
            LoginServiceClient::new(anyone).verify_totp(ask).await
        })
    });
    for guess in guesses.collect::<Vec<_>>() {
        let _ = guess.await.unwrap();
    }
    let mut db = suite.database().connect().await;
    let sql = "SELECT failures FROM identity.attempts WHERE user_id = $1::uuid";
    let failures: i32 = sqlx::query_scalar(sql)
        .bind(&user_id)
        .fetch_one(&mut db)
        .await
        .expect("a budget");
    assert_eq!(failures, 10, "four passwords and six codes");
    assert_refused!(
        login(&suite.anyone(), "acme", "pia@acme.example", &secret).await,
        "CREDENTIALS_WRONG"
    );
    suite.stop().await;
}

//! Passwords: what they must be, how long they hold, and who sets them.

mod few;
mod mailed;
mod policy;
pub mod sent_again;
mod taken_over;

use contract::identity::{
    AuthenticationProvider, ChangeExpiredPasswordRequest, ChangePasswordRequest, CreateUserRequest,
    GetUserRequest, ListUsersRequest, LoginStep, PasswordPolicy, Policy, UpdatePolicyRequest, User,
    change_expired_password_response, login_response, login_service_client::LoginServiceClient,
    password_service_client::PasswordServiceClient, policy_service_client::PolicyServiceClient,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;
use testkit::{Client, eventually};
use tonic::Status;
use usher_tests::{Company, Member, Suite, password, sign_in, suite::MANY_ATTEMPTS};

use crate::{assert_refused, logins::login};

/// Asks for more than the defaults; `paths` are within `password`.
async fn ask_for(company: &Company, password: PasswordPolicy, paths: &[&str]) {
    let policy = Policy {
        password: Some(password),
        ..Default::default()
    };
    let paths = paths.iter().map(|path| format!("password.{path}"));
    let ask = UpdatePolicyRequest {
        policy: Some(policy),
        update_mask: Some(FieldMask {
            paths: paths.collect(),
        }),
        ..Default::default()
    };
    let mut policies = PolicyServiceClient::new(company.admin.client.clone());
    policies.update_policy(ask).await.expect("a policy");
}

async fn change(client: &Client, current: &str, new: &str) -> Result<(), Status> {
    let ask = ChangePasswordRequest {
        current_password: current.into(),
        new_password: new.into(),
        ..Default::default()
    };
    let mut passwords = PasswordServiceClient::new(client.clone());
    passwords.change_password(ask).await.map(drop)
}

/// The flow of a login that wants another password and nothing else.
async fn due(company: &Company, username: &str, password: &str) -> String {
    let outcome = login(&company.anyone, &company.name, username, password).await;
    match outcome.expect("a login") {
        login_response::Outcome::Flow(flow) => {
            assert_eq!(flow.next_steps, [i32::from(LoginStep::ChangePassword)]);
            flow.flow_token
        }
        login_response::Outcome::Session(_) => panic!("nothing was asked"),
    }
}

/// Changes the password in a flow; answers the token of the session.
async fn change_in(company: &Company, flow_token: &str, new: &str) -> Result<String, Status> {
    let ask = ChangeExpiredPasswordRequest {
        flow_token: flow_token.into(),
        new_password: new.into(),
    };
    let mut logins = LoginServiceClient::new(company.anyone.clone());
    let reply = logins.change_expired_password(ask).await?.into_inner();
    match reply.outcome {
        Some(change_expired_password_response::Outcome::Session(session)) => {
            Ok(session.session_token)
        }
        other => panic!("the change should be enough, but: {other:?}"),
    }
}

/// Sees in the list that of all users these have a password that is over.
async fn expired(company: &Company, user_ids: &[&str]) {
    let mut users = UserServiceClient::new(company.admin.client.clone());
    for (is, of) in [(true, user_ids.len()), (false, 1)] {
        let ask = ListUsersRequest {
            password_expired: Some(is),
            authentication_providers: vec![AuthenticationProvider::Local.into()],
            ..Default::default()
        };
        let page = users.list_users(ask).await.expect("users").into_inner();
        assert_eq!(page.total_size, of as u64, "expired: {is}");
        let told = |user: &User| user_ids.contains(&user.id.as_str());
        assert!(page.users.iter().all(|user| told(user) == is));
    }
}

async fn get(client: &Client, user_id: &str) -> User {
    let ask = GetUserRequest {
        user_id: user_id.into(),
    };
    let mut users = UserServiceClient::new(client.clone());
    let reply = users.get_user(ask).await.expect("a user");
    reply.into_inner().user.expect("a user")
}

fn person(email: &str) -> CreateUserRequest {
    CreateUserRequest {
        first_name: "Test".into(),
        last_name: "Person".into(),
        email: email.into(),
        ..Default::default()
    }
}

async fn create(company: &Company, ask: CreateUserRequest) -> Result<User, Status> {
    let mut users = UserServiceClient::new(company.admin.client.clone());
    let reply = users.create_user(ask).await?.into_inner();
    Ok(reply.user.expect("a user"))
}

/// Whether the session of a client still holds, at the gateway.
async fn holds(client: &Client) -> bool {
    let mut users = UserServiceClient::new(client.clone());
    users.get_user(GetUserRequest::default()).await.is_ok()
}

#[tokio::test]
async fn p_05_b_04_changing_ones_password_proves_it_and_ends_other_sessions() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (first, second) = (password(), password());
    acme.user("carla@acme.example", &first).await;
    let anyone = suite.anyone();
    let sign_in = async |password: &str| -> Member {
        sign_in(&anyone, "acme", "carla@acme.example", password)
            .await
            .expect("a login")
    };
    let (here, there) = (sign_in(&first).await, sign_in(&first).await);
    assert_refused!(
        change(&here.client, &second, &second).await,
        "PASSWORD_WRONG"
    );
    assert_refused!(
        change(&here.client, &first, "short").await,
        "PASSWORD_REFUSED"
    );
    let same = assert_refused!(
        change(&here.client, &first, &first).await,
        "PASSWORD_REFUSED"
    );
    assert_eq!(same.fields, ["new_password"]);
    change(&here.client, &first, &second)
        .await
        .expect("changed");
    eventually("the other session's end", || async {
        !holds(&there.client).await
    })
    .await;
    assert!(
        holds(&here.client).await,
        "the session of the change goes on"
    );
    assert_refused!(
        login(&anyone, "acme", "carla@acme.example", &first).await,
        "CREDENTIALS_WRONG"
    );
    sign_in(&second).await;

    // Who found the open session guesses at the one budget of the user.
    for _ in 0..10 {
        assert_refused!(
            change(&here.client, &password(), &password()).await,
            "PASSWORD_WRONG"
        );
    }
    assert_refused!(
        change(&here.client, &second, &password()).await,
        "PASSWORD_WRONG"
    );
    assert_refused!(
        login(&anyone, "acme", "carla@acme.example", &second).await,
        "CREDENTIALS_WRONG"
    );
    suite.stop().await;
}

/// B-5: what is too long is refused before anything is looked up, charged or
/// hashed, and what is as long as can be is taken whole.
#[tokio::test]
async fn b_05_oversize_passwords_cost_no_hash_and_long_ones_count_to_the_end() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let long = format!("{}{}", password(), "the difference engine ".repeat(50))[..1024].to_owned();
    acme.user("lena@acme.example", &long).await;
    let anyone = suite.anyone();
    let lena = sign_in(&anyone, "acme", "lena@acme.example", &long).await;
    let lena = lena.expect("a login").client;
    for length in [1023, 512, 73, 72] {
        assert_refused!(
            login(&anyone, "acme", "lena@acme.example", &long[..length]).await,
            "CREDENTIALS_WRONG"
        );
    }
    let charged = async || -> i64 {
        let mut database = suite.database().connect().await;
        let sum =
            sqlx::query_scalar("SELECT coalesce(sum(failures), 0)::bigint FROM identity.attempts");
        sum.fetch_one(&mut database).await.expect("a sum")
    };
    let before = charged().await;
    for length in [1025, 1 << 20] {
        let huge = "x".repeat(length);
        let answers = [
            login(&anyone, "acme", "lena@acme.example", &huge)
                .await
                .map(drop),
            change(&lena, &huge, &password()).await,
            change(&lena, &long, &huge).await,
            change_in(&acme, "a flow", &huge).await.map(drop),
            create(
                &acme,
                CreateUserRequest {
                    password: huge.clone(),
                    ..person("huge@acme.example")
                },
            )
            .await
            .map(drop),
        ];
        for answer in answers {
            assert_refused!(answer, "FIELD_INVALID");
        }
    }
    // Letters may be few and bytes many.
    let wide = CreateUserRequest {
        password: long.replace('e', "\u{e9}"),
        ..person("wide@acme.example")
    };
    assert_eq!(wide.password.chars().count(), 1024);
    assert_refused!(create(&acme, wide).await, "PASSWORD_REFUSED");
    assert_eq!(charged().await, before, "an oversize password was charged");
    suite.stop().await;
}

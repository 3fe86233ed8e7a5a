//! B-77: replicas whose machines do not agree on the time.

use std::time::Duration;

use chrono::TimeDelta;
use contract::identity::{
    CreateTokensRequest, GetUserRequest, Policy, SessionPolicy, UpdatePolicyRequest,
    ValidateSessionRequest, policy_service_client::PolicyServiceClient,
    session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;
use testkit::{Client, eventually};
use usher_tests::{
    Suite, password, sign_in,
    suite::{MANY_ATTEMPTS, Replica},
};

async fn holds(anyone: &Client, session_token: &str) -> bool {
    let ask = ValidateSessionRequest {
        session_token: session_token.into(),
    };
    let mut sessions = SessionServiceClient::new(anyone.clone());
    sessions.validate_session(ask).await.is_ok()
}

/// A replica whose machine is wrong by so many minutes, once it knows better.
async fn wrong_by(suite: &Suite, minutes: i64) -> Replica {
    let replica = suite.replica().await;
    replica.time().skew(TimeDelta::minutes(minutes));
    let operator = replica.anyone().signed_in(&suite.operator().session_token);
    eventually("the clock to be set", || async {
        let mut tokens = TokenServiceClient::new(operator.clone());
        let made = tokens.create_tokens(CreateTokensRequest::default()).await;
        let Some(tokens) = made.ok().and_then(|made| made.into_inner().tokens) else {
            return false;
        };
        // An access token ends five minutes from now, by the right clock.
        let ends = tokens.expire_time.expect("an end").seconds;
        let now = store::Clock::system().now().timestamp();
        (ends - now - 300).abs() <= 5
    })
    .await;
    replica
}

#[tokio::test]
async fn b_77_a_session_ends_at_one_time_whatever_the_replicas_think() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let five_minutes = Policy {
        session: Some(SessionPolicy {
            idle_timeout: Some(prost_types::Duration {
                seconds: 300,
                nanos: 0,
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let ask = UpdatePolicyRequest {
        policy: Some(five_minutes),
        update_mask: Some(FieldMask {
            paths: vec!["session.idle_timeout".into()],
        }),
        ..Default::default()
    };
    let mut policies = PolicyServiceClient::new(acme.admin.client.clone());
    policies.update_policy(ask).await.expect("a policy");
    let replicas = [wrong_by(&suite, 5).await, wrong_by(&suite, -5).await];

    let secret = password();
    acme.user("tick@acme.example", &secret).await;
    for maker in &replicas {
        let made = sign_in(&maker.anyone(), "acme", "tick@acme.example", &secret).await;
        let made = made.expect("a login where the clock is wrong");
        for replica in &replicas {
            assert!(holds(&replica.anyone(), &made.session_token).await);
            let own = replica.anyone().signed_in(&made.session_token);
            let mut users = UserServiceClient::new(own);
            let own = users.get_user(GetUserRequest::default()).await;
            own.expect("a signed token that every service takes");
        }
        for time in replicas.iter().map(Replica::time).chain([suite.time()]) {
            time.advance(Duration::from_secs(5 * 60 - 20));
        }
        for replica in &replicas {
            assert!(
                holds(&replica.anyone(), &made.session_token).await,
                "too early"
            );
        }
        for time in replicas.iter().map(Replica::time).chain([suite.time()]) {
            time.advance(Duration::from_secs(5 * 60 + 20));
        }
        for replica in &replicas {
            assert!(
                !holds(&replica.anyone(), &made.session_token).await,
                "too late"
            );
        }
    }
    for replica in replicas {
        replica.stop().await;
    }
    suite.stop().await;
}

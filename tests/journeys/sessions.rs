//! Sessions and tokens.

use std::time::Duration;

use contract::identity::{
    ListSessionsRequest, Policy, RevokeSessionRequest, Session, SessionPolicy, UpdatePolicyRequest,
    ValidateSessionRequest, policy_service_client::PolicyServiceClient,
    session_service_client::SessionServiceClient,
};
use prost_types::FieldMask;
use testkit::{Client, eventually};
use tonic::Status;
use usher_tests::{Company, Suite, password, sign_in};

use crate::assert_refused;

pub async fn validate(anyone: &Client, session_token: &str) -> Result<String, Status> {
    let ask = ValidateSessionRequest {
        session_token: session_token.into(),
    };
    let reply = SessionServiceClient::new(anyone.clone())
        .validate_session(ask)
        .await?
        .into_inner();
    Ok(reply.session.expect("a session").user_id)
}

#[tokio::test]
async fn p_08_sessions_are_listed_and_revoked() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let secret = password();
    acme.user("sina@acme.example", &secret).await;
    let anyone = suite.anyone();
    let first = sign_in(&anyone, "acme", "sina@acme.example", &secret)
        .await
        .unwrap();
    let second = sign_in(&anyone, "acme", "sina@acme.example", &secret)
        .await
        .unwrap();
    assert_ne!(first.session_token, second.session_token);
    let mut sessions = SessionServiceClient::new(second.client.clone());
    let listed = sessions
        .list_sessions(ListSessionsRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.total_size, 2);
    assert!(
        listed
            .sessions
            .iter()
            .all(|session| !session.address.is_empty()),
        "where from is not told"
    );

    sessions
        .revoke_session(RevokeSessionRequest::default())
        .await
        .expect("logging out");
    assert_refused!(
        validate(&anyone, &second.session_token).await,
        "SESSION_ENDED"
    );
    assert_eq!(
        validate(&anyone, &first.session_token).await.unwrap(),
        first.user_id
    );
    // Another's session is nobody's business without the permission.
    let other = acme.member_without_roles("other@acme.example").await;
    let ask = ListSessionsRequest {
        user_id: first.user_id.clone(),
        ..Default::default()
    };
    assert_refused!(
        SessionServiceClient::new(other.client.clone())
            .list_sessions(ask.clone())
            .await,
        "PERMISSION_DENIED"
    );
    let seen = SessionServiceClient::new(acme.admin.client.clone())
        .list_sessions(ask)
        .await
        .unwrap()
        .into_inner();
    let session_id = seen.sessions[0].id.clone();
    let revoke = RevokeSessionRequest {
        user_id: first.user_id.clone(),
        session_id,
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    for _ in ["once", "again"] {
        SessionServiceClient::new(acme.admin.client.clone())
            .revoke_session(revoke.clone())
            .await
            .expect("the same reply to the same request");
    }
    assert_refused!(
        validate(&anyone, &first.session_token).await,
        "SESSION_ENDED"
    );
    eventually("the end at the gateway", || async {
        SessionServiceClient::new(first.client.clone())
            .list_sessions(ListSessionsRequest::default())
            .await
            .is_err()
    })
    .await;
    suite.stop().await;
}

#[tokio::test]
async fn b_13_a_changed_token_is_no_token() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let token = acme.admin.session_token.clone();
    let anyone = suite.anyone();
    validate(&anyone, &token).await.expect("the token as it is");
    let mut mutants = vec![
        format!("{token}A"),
        token[..token.len() - 1].to_owned(),
        token.to_uppercase(),
    ];
    for at in 0..token.len() {
        let mut mutant = token.clone().into_bytes();
        mutant[at] = if mutant[at] == b'A' { b'B' } else { b'A' };
        mutants.push(String::from_utf8(mutant).unwrap());
    }
    for mutant in mutants.into_iter().filter(|mutant| *mutant != token) {
        assert_refused!(validate(&anyone, &mutant).await, "SESSION_ENDED");
    }
    suite.stop().await;
}

/// When a session was last used, in seconds, as an admin sees it.
async fn last_use(acme: &Company, of: &Session) -> Option<i64> {
    let ask = ListSessionsRequest {
        user_id: of.user_id.clone(),
        ..Default::default()
    };
    let mut sessions = SessionServiceClient::new(acme.admin.client.clone());
    let reply = sessions.list_sessions(ask).await.ok()?.into_inner();
    let found = reply.sessions.iter().find(|one| one.id == of.id);
    Some(found?.last_use_time?.seconds)
}

#[tokio::test]
async fn p_08_a_session_lasts_as_the_policy_was_at_its_login() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let secret = password();
    acme.user("uma@acme.example", &secret).await;
    let anyone = suite.anyone().with("user-agent", "a program 1.0");
    let sign_in = || sign_in(&anyone, "acme", "uma@acme.example", &secret);
    let before = sign_in().await.expect("a login under the old policy");
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let ask = UpdatePolicyRequest {
        policy: Some(Policy {
            session: Some(SessionPolicy {
                idle_timeout: seconds(600),
                max_lifetime: seconds(1110),
            }),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["session".into()],
        }),
        ..Default::default()
    };
    let mut policies = PolicyServiceClient::new(acme.admin.client.clone());
    policies.update_policy(ask).await.expect("a policy");

    let used = sign_in().await.expect("a login");
    let idle = sign_in().await.expect("a login");
    let mut sessions = SessionServiceClient::new(used.client.clone());
    let listed = sessions
        .list_sessions(ListSessionsRequest::default())
        .await
        .expect("sessions")
        .into_inner();
    let timeouts: Vec<_> = listed.sessions.iter().map(|one| one.idle_timeout).collect();
    assert_eq!(timeouts, [seconds(600), seconds(600), seconds(28_800)]);
    let programs = listed.sessions.iter().map(|one| one.user_agent.as_str());
    assert_eq!(programs.collect::<Vec<_>>(), ["a program 1.0"; 3]);

    let first = last_use(&acme, &listed.sessions[1]).await;
    suite.time().advance(Duration::from_mins(9));
    validate(&anyone, &used.session_token)
        .await
        .expect("nine minutes are not ten");
    // It is written a moment later.
    eventually("the use to be known everywhere", || async {
        last_use(&acme, &listed.sessions[1]).await > first
    })
    .await;
    suite.time().advance(Duration::from_mins(9));
    validate(&anyone, &used.session_token)
        .await
        .expect("it was used nine minutes ago");
    suite.time().advance(Duration::from_secs(50));
    let answer = validate(&anyone, &used.session_token).await;
    assert_refused!(answer, "SESSION_ENDED");
    let answer = validate(&anyone, &idle.session_token).await;
    assert_refused!(answer, "SESSION_ENDED");
    validate(&anyone, &before.session_token)
        .await
        .expect("the old one lasts as it began");
    suite.stop().await;
}

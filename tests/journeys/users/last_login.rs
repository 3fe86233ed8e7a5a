//! When somebody was there last (P-07).

use std::time::Duration;

use contract::identity::{
    ListUsersRequest, LoginStep, ValidateSessionRequest,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use prost_types::Timestamp;
use testkit::Client;
use usher_tests::password;

use super::get;
use crate::{
    assert_refused,
    factors::{enrolled, flow, strict, verify},
    logins::login,
};

/// What the list of users shows.
async fn listed(client: &Client, user_id: &str) -> Option<Timestamp> {
    let ask = ListUsersRequest::default();
    let reply = UserServiceClient::new(client.clone()).list_users(ask).await;
    let users = reply.expect("users").into_inner().users;
    let user = users.into_iter().find(|user| user.id == user_id);
    user.expect("among them").last_login_time
}

/// When a session began.
async fn begun(anyone: &Client, session_token: &str) -> Option<Timestamp> {
    let ask = ValidateSessionRequest {
        session_token: session_token.into(),
    };
    let mut sessions = SessionServiceClient::new(anyone.clone());
    let reply = sessions.validate_session(ask).await.expect("a session");
    reply.into_inner().session.expect("a session").create_time
}

#[tokio::test]
async fn p_07_the_last_login_is_recorded_and_shown() {
    let (suite, acme) = strict(&[]).await;
    let admin = &acme.admin.client;
    let never = acme.user("nia@acme.example", &password()).await;
    let (mia, member) = enrolled(&acme, "mia@acme.example").await;
    let shown = async |client: &Client, user_id: &str| {
        let user = get(client, user_id).await.expect("a user");
        user.last_login_time
    };
    let first = shown(admin, &member.user_id).await;
    assert!(first.is_some());
    assert_eq!(first, begun(&acme.anyone, &member.session_token).await);

    // Neither a wrong password nor half a login is one.
    suite.later(Duration::from_mins(10)).await;
    assert_refused!(
        login(&acme.anyone, "acme", mia.username, "a wrong password").await,
        "CREDENTIALS_WRONG"
    );
    let (flow_token, steps) = flow(&acme.anyone, mia.username, &mia.password).await;
    assert!(steps.contains(&LoginStep::VerifyTotp), "{steps:?}");
    assert_eq!(shown(admin, &member.user_id).await, first);

    let code = mia.phone.code(20);
    let session = verify(&acme.anyone, flow_token, code).await;
    let second = shown(admin, &member.user_id).await;
    assert_ne!(second, first);
    let session = session.expect("a login");
    assert_eq!(second, begun(&acme.anyone, &session).await);
    assert_eq!(shown(&member.client, "").await, second, "to themselves");
    assert_eq!(listed(admin, &member.user_id).await, second);
    assert_eq!(listed(admin, &never).await, None);
    suite.stop().await;
}

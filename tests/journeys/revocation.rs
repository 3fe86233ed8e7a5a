//! Sessions that end, everywhere (B-17), and are never taken over (B-12).

use std::collections::BTreeSet;

use contract::identity::{
    CreateTokensRequest, DeleteUserRequest, DisableUserRequest, GetUserRequest, LoginRequest,
    NewSession, RefreshTokensRequest, RequestPasswordResetRequest, ResetPasswordRequest,
    RevokeAllSessionsRequest, RevokeSessionRequest, Session, ValidateSessionRequest,
    login_response, login_service_client::LoginServiceClient,
    session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
    user_service_client::UserServiceClient,
};
use testkit::{Client, until};
use tokio::time::{Duration, Instant};
use tonic::Status;
use usher_tests::{
    Company, Member, Suite, password, sign_in, suite::MANY_ATTEMPTS, token_mailed_to,
};

use crate::assert_refused;

/// How a session ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    LogOut,
    ByAnAdmin,
    AllOfTheirs,
    AllByAnAdmin,
    Disabled,
    Deleted,
    PasswordReset,
    RefreshTokenReplayed,
}

const ENDINGS: [Ending; 8] = [
    Ending::LogOut,
    Ending::ByAnAdmin,
    Ending::AllOfTheirs,
    Ending::AllByAnAdmin,
    Ending::Disabled,
    Ending::Deleted,
    Ending::PasswordReset,
    Ending::RefreshTokenReplayed,
];

/// The longest that a gateway believes what it asked.
const BELIEVED: Duration = Duration::from_secs(1);

async fn validate(anyone: &Client, session_token: &str) -> Result<Session, Status> {
    let ask = ValidateSessionRequest {
        session_token: session_token.into(),
    };
    let mut sessions = SessionServiceClient::new(anyone.clone());
    let reply = sessions.validate_session(ask).await?.into_inner();
    Ok(reply.session.expect("a session"))
}

async fn refresh(anyone: &Client, refresh_token: &str) -> Result<String, Status> {
    let ask = RefreshTokensRequest {
        refresh_token: refresh_token.into(),
    };
    let mut tokens = TokenServiceClient::new(anyone.clone());
    let reply = tokens.refresh_tokens(ask).await?.into_inner();
    Ok(reply.tokens.expect("tokens").refresh_token)
}

async fn first_refresh_token(member: &Member) -> String {
    let mut tokens = TokenServiceClient::new(member.client.clone());
    let reply = tokens.create_tokens(CreateTokensRequest::default()).await;
    let tokens = reply.expect("tokens").into_inner().tokens;
    tokens.expect("tokens").refresh_token
}

async fn call(client: &Client) -> Result<(), Status> {
    let mut users = UserServiceClient::new(client.clone());
    users.get_user(GetUserRequest::default()).await.map(|_| ())
}

/// Ends the session; the refresh token is the one that it has now.
async fn end(suite: &Suite, acme: &Company, how: Ending, who: &Member, email: &str, token: &str) {
    let mut own = SessionServiceClient::new(who.client.clone());
    let mut sessions = SessionServiceClient::new(acme.admin.client.clone());
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    let user_id = who.user_id.clone();
    match how {
        Ending::LogOut => {
            let ask = RevokeSessionRequest::default();
            own.revoke_session(ask).await.expect("logged out");
        }
        Ending::ByAnAdmin => {
            let session_id = validate(&suite.anyone(), &who.session_token).await;
            let ask = RevokeSessionRequest {
                user_id,
                session_id: session_id.expect("a session").id,
                ..Default::default()
            };
            sessions.revoke_session(ask).await.expect("revoked");
        }
        Ending::AllOfTheirs => {
            let ask = RevokeAllSessionsRequest::default();
            own.revoke_all_sessions(ask).await.expect("revoked");
        }
        Ending::AllByAnAdmin => {
            let ask = RevokeAllSessionsRequest {
                user_id,
                keep_current: true,
                ..Default::default()
            };
            sessions.revoke_all_sessions(ask).await.expect("revoked");
        }
        Ending::Disabled => {
            let ask = DisableUserRequest {
                user_id,
                ..Default::default()
            };
            users.disable_user(ask).await.expect("disabled");
        }
        Ending::Deleted => {
            let ask = DeleteUserRequest {
                user_id,
                ..Default::default()
            };
            users.delete_user(ask).await.expect("deleted");
        }
        Ending::PasswordReset => reset(suite, email).await,
        Ending::RefreshTokenReplayed => {
            let anyone = suite.anyone();
            let next = refresh(&anyone, token).await.expect("the next");
            refresh(&anyone, &next).await.expect("the one after");
            assert_refused!(refresh(&anyone, token).await, "REFRESH_TOKEN_ENDED");
        }
    }
}

async fn reset(suite: &Suite, email: &str) {
    let mut logins = LoginServiceClient::new(suite.anyone());
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: email.into(),
    };
    logins.request_password_reset(ask).await.expect("a mail");
    let ask = ResetPasswordRequest {
        token: token_mailed_to(&suite.mails(), email).await,
        password: password(),
    };
    logins.reset_password(ask).await.expect("another password");
}

/// Whatever ends a session: identity refuses its tokens from the reply on, and
/// no call that begins a second later passes the gateway.
async fn every_ending_is_heard(flags: &[&str]) {
    let suite = Suite::start_with(&[flags, &MANY_ATTEMPTS].concat()).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    for how in ENDINGS {
        let email = format!("{how:?}@acme.example").to_lowercase();
        let who = acme.member_without_roles(&email).await;
        let token = first_refresh_token(&who).await;
        // Everybody has it in memory.
        call(&who.client).await.expect("a call");
        validate(&anyone, &who.session_token)
            .await
            .expect("a session");

        end(&suite, &acme, how, &who, &email, &token).await;
        let ended = Instant::now();
        assert_refused!(validate(&anyone, &who.session_token).await, "SESSION_ENDED");
        assert_refused!(refresh(&anyone, &token).await, "REFRESH_TOKEN_ENDED");
        let answer = until("a second to pass", || async {
            let late = Instant::now() >= ended + BELIEVED;
            let answer = call(&who.client).await;
            late.then_some(answer)
        })
        .await;
        assert_refused!(answer, "CREDENTIAL_INVALID");
    }
    suite.stop().await;
}

#[tokio::test]
async fn b_17_a_session_that_ended_is_refused_everywhere_within_a_second() {
    every_ending_is_heard(&[]).await;
}

#[tokio::test]
async fn b_17_also_where_redis_is_gone() {
    every_ending_is_heard(&["--redis-url", "redis://127.0.0.1:1/"]).await;
}

#[tokio::test]
async fn b_17_all_sessions_but_this_one() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let secret = password();
    acme.user("kira@acme.example", &secret).await;
    let anyone = suite.anyone();
    let mut members = Vec::new();
    for _ in 0..3 {
        let member = sign_in(&anyone, "acme", "kira@acme.example", &secret).await;
        members.push(member.expect("a login"));
    }
    let ask = RevokeAllSessionsRequest {
        keep_current: true,
        request_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let mut sessions = SessionServiceClient::new(members[1].client.clone());
    for _ in ["once", "again"] {
        let reply = sessions.revoke_all_sessions(ask.clone()).await;
        assert_eq!(reply.expect("revoked").into_inner().revoked_count, 2);
    }
    for (at, member) in members.iter().enumerate() {
        let holds = validate(&anyone, &member.session_token).await.is_ok();
        assert_eq!(holds, at == 1, "session {at}");
    }
    // Another's sessions are nobody's business without the permission.
    let other = acme.member_without_roles("other@acme.example").await;
    let ask = RevokeAllSessionsRequest {
        user_id: members[1].user_id.clone(),
        ..Default::default()
    };
    assert_refused!(
        SessionServiceClient::new(other.client.clone())
            .revoke_all_sessions(ask)
            .await,
        "PERMISSION_DENIED"
    );
    suite.stop().await;
}

/// Logs in, as whoever the client is.
async fn log_in(client: &Client, username: &str, password: &str) -> NewSession {
    let ask = LoginRequest {
        tenant: "acme".into(),
        username: username.into(),
        password: password.into(),
        ..Default::default()
    };
    let mut logins = LoginServiceClient::new(client.clone());
    match logins
        .login(ask)
        .await
        .expect("a login")
        .into_inner()
        .outcome
    {
        Some(login_response::Outcome::Session(session)) => session,
        other => panic!("no session, but {other:?}"),
    }
}

#[tokio::test]
async fn b_12_every_login_makes_a_session_of_its_own_and_leaves_the_former() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (secret, other) = (password(), password());
    acme.user("lena@acme.example", &secret).await;
    acme.user("mona@acme.example", &other).await;
    let anyone = suite.anyone();
    let (mut tokens, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let mut former: Option<String> = None;
    for round in 1..=5 {
        // From the session that there is, and whatever an attacker planted.
        let planted = format!("usr_{}", "A".repeat(43));
        let client = anyone.signed_in(former.as_ref().unwrap_or(&planted));
        let made = log_in(&client, "lena@acme.example", &secret).await;
        let session = made.session.expect("a session");
        tokens.insert(made.session_token.clone());
        ids.insert(session.id);
        assert_eq!((tokens.len(), ids.len()), (round, round), "used again");
        assert_refused!(validate(&anyone, &planted).await, "SESSION_ENDED");
        if let Some(former) = former.replace(made.session_token) {
            assert_refused!(validate(&anyone, &former).await, "SESSION_ENDED");
        }
    }
    let own = former.expect("a session");
    validate(&anyone, &own).await.expect("the newest holds");

    // Who logs in as somebody else leaves the session of the first alone.
    let made = log_in(&anyone.signed_in(&own), "mona@acme.example", &other).await;
    validate(&anyone, &own)
        .await
        .expect("it was not theirs to end");
    validate(&anyone, &made.session_token).await.expect("hers");
    suite.stop().await;
}

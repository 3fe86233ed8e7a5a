//! B-76: the secret of the installation is changed while people work.

use contract::identity::{
    CreateTokensRequest, LoginStep, RefreshTokensRequest, RequestPasswordResetRequest,
    ResetPasswordRequest, login_service_client::LoginServiceClient,
    token_service_client::TokenServiceClient,
};
use testkit::Client;
use usher_tests::{
    Suite, accept, password, sign_in,
    suite::{MANY_ATTEMPTS, MANY_CALLS, SECRET},
    token_mailed_to,
};

use crate::{
    factors::{Enrolled, enrolled, flow, recover, strict, verify},
    sessions::validate,
};

/// 32 other bytes in base64.
const NEW: &str = "YW5vdGhlciB0aGlydHktdHdvIGJ5dGVzIGluIGhlcmU=";

/// Things that were handed out before, and are not used up by showing them.
struct Before {
    sessions: Vec<String>,
    refresh_token: String,
    olga: Enrolled,
}

impl Before {
    async fn holds(&mut self, anyone: &Client) {
        for session in &self.sessions {
            validate(anyone, session).await.expect("a session goes on");
        }
        let ask = RefreshTokensRequest {
            refresh_token: self.refresh_token.clone(),
        };
        let mut tokens = TokenServiceClient::new(anyone.clone());
        let made = tokens.refresh_tokens(ask).await.expect("the next tokens");
        self.refresh_token = made.into_inner().tokens.expect("tokens").refresh_token;

        let (flow_token, _) = flow(anyone, self.olga.username, &self.olga.password).await;
        let code = self.olga.recovery_codes.pop().expect("a code is left");
        let session = recover(anyone, &flow_token, &code).await;
        self.sessions
            .push(session.expect("a login by a recovery code"));
    }
}

#[tokio::test]
async fn b_76_the_secret_changes_and_nothing_that_was_handed_out_is_lost() {
    let (suite, acme) = strict(&[MANY_ATTEMPTS, MANY_CALLS].concat()).await;
    let (olga, member) = enrolled(&acme, "olga@acme.example").await;
    acme.user("rita@acme.example", &password()).await;
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: "rita@acme.example".into(),
    };
    let mut logins = LoginServiceClient::new(suite.anyone());
    logins.request_password_reset(ask).await.expect("a mail");
    let reset = token_mailed_to(&suite.mails(), "rita@acme.example").await;
    acme.invite("ivy@acme.example")
        .await
        .expect("an invitation");
    let invitation = token_mailed_to(&suite.mails(), "ivy@acme.example").await;
    let mut tokens = TokenServiceClient::new(member.client.clone());
    let made = tokens.create_tokens(CreateTokensRequest::default()).await;
    let mut before = Before {
        sessions: vec![
            member.session_token,
            acme.admin.session_token.clone(),
            suite.operator().session_token.clone(),
        ],
        refresh_token: made
            .expect("tokens")
            .into_inner()
            .tokens
            .expect("tokens")
            .refresh_token,
        olga,
    };

    // A replica comes that knows both, beside the first, which knows the former.
    let both = format!("{NEW},{SECRET}");
    let flags = [&MANY_ATTEMPTS[..], &MANY_CALLS, &["--secret", &both]].concat();
    let second = suite
        .replica_with(&flags)
        .await
        .expect("it opens what there is");
    for anyone in [suite.anyone(), second.anyone()] {
        before.holds(&anyone).await;
    }
    // What one of them makes, the others take.
    let (flow_token, steps) =
        flow(&second.anyone(), "olga@acme.example", &before.olga.password).await;
    assert!(steps.contains(&LoginStep::VerifyTotp), "{steps:?}");
    let code = before.olga.phone.code(1);
    let session = verify(&suite.anyone(), flow_token, code).await;
    before
        .sessions
        .push(session.expect("a login over two replicas"));

    // Then the former is taken away.
    let flags = [&MANY_ATTEMPTS[..], &MANY_CALLS, &["--secret", NEW]].concat();
    let third = suite
        .replica_with(&flags)
        .await
        .expect("the new one is enough");
    for anyone in [suite.anyone(), second.anyone(), third.anyone()] {
        before.holds(&anyone).await;
    }
    let anyone = third.anyone();
    let new = password();
    let ask = ResetPasswordRequest {
        token: reset,
        password: new.clone(),
    };
    LoginServiceClient::new(anyone.clone())
        .reset_password(ask)
        .await
        .expect("the link of before");
    let (_, steps) = flow(&anyone, "rita@acme.example", &new).await;
    assert_eq!(steps, [LoginStep::EnrolTotp]);
    accept(&anyone, &invitation)
        .await
        .expect("the invitation of before");
    // Operators log in as before, whose password was hashed under the root key.
    let setting = suite.setting();
    sign_in(&anyone, "platform", &setting.operator, &setting.password)
        .await
        .expect("a login");

    let stale = suite.replica_with(&["--secret", SECRET]).await;
    let error = stale
        .err()
        .expect("the former secret opens nothing any more");
    assert!(format!("{error:#}").contains("does not open"), "{error:#}");
    third.stop().await;
    second.stop().await;
    suite.stop().await;
}

/// The version of the key under which the password of a user is hashed.
async fn key_version(suite: &Suite, user_id: &str) -> i16 {
    sqlx::query_scalar("SELECT key_version FROM identity.passwords WHERE user_id = $1")
        .bind(user_id.parse::<uuid::Uuid>().expect("an id"))
        .fetch_one(&mut suite.database().connect().await)
        .await
        .expect("a password")
}

#[tokio::test]
async fn b_76_passwords_move_to_another_key_at_their_next_login() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (email, secret) = ("otto@acme.example", password());
    let user = acme.user(email, &secret).await;
    assert_eq!(key_version(&suite, &user).await, 1);
    let second = suite
        .replica_with(&["--password-key-version", "2"])
        .await
        .expect("a replica");
    for anyone in [second.anyone(), suite.anyone(), second.anyone()] {
        sign_in(&anyone, "acme", email, &secret)
            .await
            .expect("either knows hashes under either key");
        sign_in(&anyone, "acme", email, "not the password of otto")
            .await
            .expect_err("another password");
    }
    assert_eq!(key_version(&suite, &user).await, 2);
    second.stop().await;
    suite.stop().await;
}

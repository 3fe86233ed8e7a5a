//! Who is disabled has no effect on any path (B-36).

use contract::authorization::{CheckRequest, access_service_client::AccessServiceClient};
use contract::identity::{
    CreateTokensRequest, RefreshTokensRequest, RequestPasswordResetRequest, ResetPasswordRequest,
    login_service_client::LoginServiceClient, token_service_client::TokenServiceClient,
};
use testkit::{Client, eventually};
use usher_tests::{Company, Suite, password, suite::MANY_ATTEMPTS, token_mailed_to};

use super::{disable, enable, get};
use crate::{
    assert_refused,
    factors::{Enrolled, enrolled, flow, recover, strict, verify},
    logins::login,
    passwords::sent_again::{resend, send_reset},
    sessions::validate,
};

async fn may(admin: &Client, user_id: &str) -> bool {
    let ask = CheckRequest {
        user_id: user_id.into(),
        permission: "projects.view".into(),
        ..Default::default()
    };
    let mut access = AccessServiceClient::new(admin.clone());
    let reply = access.check(ask).await.expect("a decision");
    reply.into_inner().allowed
}

/// Asks for a link to a new password.
async fn ask_for_link(suite: &Suite, username: &str) {
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: username.into(),
    };
    let mut logins = LoginServiceClient::new(suite.anyone());
    logins.request_password_reset(ask).await.expect("an answer");
}

/// The tokens that somebody has in hand before they are disabled.
struct Hand {
    session: String,
    refresh: String,
    flow: String,
    reset: String,
}

async fn in_hand(suite: &Suite, eve: &Enrolled, client: &Client, session_token: &str) -> Hand {
    let mut tokens = TokenServiceClient::new(client.clone());
    let reply = tokens.create_tokens(CreateTokensRequest::default()).await;
    let tokens = reply.expect("tokens").into_inner().tokens;
    let (flow_token, _) = flow(&suite.anyone(), eve.username, &eve.password).await;
    ask_for_link(suite, eve.username).await;
    Hand {
        session: session_token.into(),
        refresh: tokens.expect("tokens").refresh_token,
        flow: flow_token,
        reset: token_mailed_to(&suite.mails(), eve.username).await,
    }
}

/// Tries everything that is open to whoever has these things.
async fn is_shut_out(acme: &Company, eve: &Enrolled, hand: &Hand) {
    let anyone = &acme.anyone;
    assert_refused!(validate(anyone, &hand.session).await, "SESSION_ENDED");
    let ask = RefreshTokensRequest {
        refresh_token: hand.refresh.clone(),
    };
    let mut tokens = TokenServiceClient::new(anyone.clone());
    assert_refused!(tokens.refresh_tokens(ask).await, "REFRESH_TOKEN_ENDED");
    let code = eve.phone.code(1);
    assert_refused!(verify(anyone, hand.flow.clone(), code).await, "FLOW_ENDED");
    assert_refused!(
        recover(anyone, &hand.flow, &eve.recovery_codes[0]).await,
        "FLOW_ENDED"
    );
    assert_refused!(
        login(anyone, "acme", eve.username, &eve.password).await,
        "CREDENTIALS_WRONG"
    );
    let ask = ResetPasswordRequest {
        token: hand.reset.clone(),
        password: password(),
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    assert_refused!(logins.reset_password(ask).await, "RESET_TOKEN_ENDED");
}

#[tokio::test]
async fn b_36_u_11_who_is_disabled_has_no_effect_on_any_path() {
    let (suite, acme) = strict(&MANY_ATTEMPTS).await;
    let admin = &acme.admin.client;
    let (eve, member) = enrolled(&acme, "eve@acme.example").await;
    let id = &member.user_id;
    acme.grant(id, "analyst", "").await.expect("a role");
    eventually("a permission", || async { may(admin, id).await }).await;
    let hand = in_hand(&suite, &eve, &member.client, &member.session_token).await;
    get(&member.client, "").await.expect("a call");

    disable(admin, id).await.expect("disabled");
    is_shut_out(&acme, &eve, &hand).await;
    eventually("the session's end at the gateway", || async {
        get(&member.client, "").await.is_err()
    })
    .await;
    eventually("no permission", || async { !may(admin, id).await }).await;
    assert_refused!(send_reset(admin, id).await, "USER_NOT_ACTIVE");
    assert_refused!(resend(admin, id, "").await, "USER_NOT_ACTIVE");
    // No link for them either: one that was asked for later comes alone.
    ask_for_link(&suite, eve.username).await;
    acme.user("later@acme.example", &password()).await;
    ask_for_link(&suite, "later@acme.example").await;
    token_mailed_to(&suite.mails(), "later@acme.example").await;
    let links = suite.mails().to(eve.username).await.expect("mails");
    let links = links.iter().filter(|mail| mail.token().is_ok());
    assert_eq!(links.count(), 1, "the one of before");

    // Enabled, they log in anew and may what they could; what ended stays so.
    enable(admin, id).await.expect("enabled");
    assert_refused!(validate(&acme.anyone, &hand.session).await, "SESSION_ENDED");
    let (flow_token, _) = flow(&acme.anyone, eve.username, &eve.password).await;
    verify(&acme.anyone, flow_token, eve.phone.code(1))
        .await
        .expect("a login");
    eventually("the permission", || async { may(admin, id).await }).await;
    suite.stop().await;
}

//! Passwords, codes, resets.

use contract::authorization::RoleSet;
use contract::identity::{
    ConfirmTotpRequest, EnrolTotpRequest, LoginRequest, LoginStep, MfaPolicy,
    RequestPasswordResetRequest, ResetPasswordRequest, ValidateSessionRequest, VerifyTotpRequest,
    login_response, login_service_client::LoginServiceClient,
    session_service_client::SessionServiceClient,
};
use testkit::{Authenticator, Client};
use tonic::Status;
use usher_tests::{Suite, password, sign_in, token_mailed_to};

use crate::assert_refused;

pub async fn login(
    anyone: &Client,
    tenant: &str,
    username: &str,
    password: &str,
) -> Result<login_response::Outcome, Status> {
    let ask = LoginRequest {
        tenant: tenant.into(),
        username: username.into(),
        password: password.into(),
        ..Default::default()
    };
    let reply = LoginServiceClient::new(anyone.clone())
        .login(ask)
        .await?
        .into_inner();
    Ok(reply.outcome.expect("an outcome"))
}

async fn flow(
    anyone: &Client,
    tenant: &str,
    username: &str,
    password: &str,
) -> (String, Vec<LoginStep>) {
    match login(anyone, tenant, username, password)
        .await
        .expect("a flow")
    {
        login_response::Outcome::Flow(flow) => {
            (flow.flow_token.clone(), flow.next_steps().collect())
        }
        login_response::Outcome::Session(_) => panic!("a password alone was enough"),
    }
}

#[tokio::test]
async fn p_01_unknown_users_and_wrong_passwords_are_answered_alike() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.user("known@acme.example", &password()).await;
    let anyone = suite.anyone();
    let mut seen = Vec::new();
    for (tenant, username) in [
        ("acme", "known@acme.example"),
        ("acme", "unknown@acme.example"),
        ("nowhere", "known@acme.example"),
    ] {
        let status = login(&anyone, tenant, username, "a wrong password")
            .await
            .unwrap_err();
        seen.push((
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        ));
    }
    assert!(
        seen.windows(2).all(|pair| pair[0] == pair[1]),
        "told apart: {seen:?}"
    );
    suite.stop().await;
}

#[tokio::test]
async fn m_01_b_08_a_code_works_once() {
    let suite = Suite::start().await;
    let acme = suite
        .company_with("acme", RoleSet::Standard, MfaPolicy::Required)
        .await;
    let secret = password();
    acme.user("mia@acme.example", &secret).await;
    let anyone = suite.anyone();
    let (flow_token, steps) = flow(&anyone, "acme", "mia@acme.example", &secret).await;
    assert_eq!(steps, [LoginStep::EnrolTotp]);
    let mut logins = LoginServiceClient::new(anyone.clone());
    let early = VerifyTotpRequest {
        flow_token: flow_token.clone(),
        code: "000000".into(),
    };
    assert_refused!(logins.verify_totp(early).await, "FLOW_ENDED");
    let enrolled = logins
        .enrol_totp(EnrolTotpRequest {
            flow_token: flow_token.clone(),
        })
        .await
        .unwrap()
        .into_inner();
    let phone = Authenticator::scan(&enrolled.otpauth_uri);
    let confirm = ConfirmTotpRequest {
        flow_token: flow_token.clone(),
        code: phone.code(0),
    };
    logins
        .confirm_totp(confirm.clone())
        .await
        .expect("enrolled");
    assert_refused!(logins.confirm_totp(confirm).await, "FLOW_ENDED");

    // Twenty at once with one code: one gets in.
    let code = phone.code(1);
    let mut flows = Vec::new();
    for _ in 0..20 {
        flows.push(flow(&anyone, "acme", "mia@acme.example", &secret).await.0);
    }
    let tries = flows.iter().map(|flow_token| {
        let ask = VerifyTotpRequest {
            flow_token: flow_token.clone(),
            code: code.clone(),
        };
        let mut logins = logins.clone();
        tokio::spawn(async move { logins.verify_totp(ask).await.is_ok() })
    });
    let mut accepted = 0;
    for one in tries.collect::<Vec<_>>() {
        accepted += usize::from(one.await.unwrap());
    }
    assert_eq!(accepted, 1, "one code was accepted {accepted} times");
    suite.stop().await;
}

#[tokio::test]
async fn m_01_b_11_where_it_is_optional_a_login_may_ask_to_enrol() {
    let suite = Suite::start().await;
    let acme = suite
        .company_with("acme", RoleSet::Standard, MfaPolicy::Optional)
        .await;
    let secret = password();
    acme.user("olga@acme.example", &secret).await;
    let anyone = suite.anyone();
    let other = sign_in(&anyone, "acme", "olga@acme.example", &secret)
        .await
        .expect("a password is enough");

    let mut logins = LoginServiceClient::new(anyone.clone());
    let ask = LoginRequest {
        tenant: "acme".into(),
        username: "olga@acme.example".into(),
        password: secret.clone(),
        enrol_totp: true,
        ..Default::default()
    };
    let reply = logins.login(ask.clone()).await.unwrap().into_inner();
    let Some(login_response::Outcome::Flow(asked)) = reply.outcome else {
        panic!("no flow to enrol in");
    };
    assert_eq!(asked.next_steps, [i32::from(LoginStep::EnrolTotp)]);
    let flow_token = asked.flow_token;
    let enrolled = logins
        .enrol_totp(EnrolTotpRequest {
            flow_token: flow_token.clone(),
        })
        .await
        .unwrap()
        .into_inner();
    let phone = Authenticator::scan(&enrolled.otpauth_uri);
    let code = phone.code(0);
    logins
        .confirm_totp(ConfirmTotpRequest { flow_token, code })
        .await
        .expect("enrolled, and in");

    // What was there before knew no second factor.
    let mut sessions = SessionServiceClient::new(anyone.clone());
    let session_token = other.session_token;
    assert_refused!(
        sessions
            .validate_session(ValidateSessionRequest { session_token })
            .await,
        "SESSION_ENDED"
    );
    // From here on a code is asked for, and asking to enrol replaces nothing.
    for enrol_totp in [false, true] {
        let ask = LoginRequest {
            enrol_totp,
            ..ask.clone()
        };
        let reply = logins.login(ask).await.unwrap().into_inner();
        let Some(login_response::Outcome::Flow(asked)) = reply.outcome else {
            panic!("a password alone was enough");
        };
        let steps: Vec<_> = asked.next_steps().collect();
        assert_eq!(
            steps,
            [LoginStep::VerifyTotp, LoginStep::VerifyRecoveryCode]
        );
    }
    suite.stop().await;
}

#[tokio::test]
async fn p_02_b_15_a_reset_link_works_once_and_ends_all_sessions() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let old = password();
    acme.user("rita@acme.example", &old).await;
    let anyone = suite.anyone();
    let before = sign_in(&anyone, "acme", "rita@acme.example", &old)
        .await
        .unwrap();
    let mut logins = LoginServiceClient::new(anyone.clone());
    let ask = |username: &str| RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: username.into(),
    };
    logins
        .request_password_reset(ask("nobody@acme.example"))
        .await
        .expect("the same answer for nobody");
    logins
        .request_password_reset(ask("RITA@acme.example"))
        .await
        .expect("an answer");
    let token = token_mailed_to(&suite.mails(), "rita@acme.example").await;
    let weak = ResetPasswordRequest {
        token: token.clone(),
        password: "short".into(),
    };
    assert_refused!(logins.reset_password(weak).await, "PASSWORD_REFUSED");

    let new = password();
    let tries = (0..50).map(|_| {
        let ask = ResetPasswordRequest {
            token: token.clone(),
            password: new.clone(),
        };
        let mut logins = logins.clone();
        tokio::spawn(async move { logins.reset_password(ask).await.is_ok() })
    });
    let mut accepted = 0;
    for one in tries.collect::<Vec<_>>() {
        accepted += usize::from(one.await.unwrap());
    }
    assert_eq!(accepted, 1, "one link was good for {accepted} resets");
    let ask = ValidateSessionRequest {
        session_token: before.session_token,
    };
    assert_refused!(
        SessionServiceClient::new(anyone.clone())
            .validate_session(ask)
            .await,
        "SESSION_ENDED"
    );
    assert_refused!(
        login(&anyone, "acme", "rita@acme.example", &old).await,
        "CREDENTIALS_WRONG"
    );
    sign_in(&anyone, "acme", "rita@acme.example", &new)
        .await
        .expect("a login with the new password");
    assert!(
        suite
            .mails()
            .to("nobody@acme.example")
            .await
            .unwrap()
            .is_empty()
    );
    suite.stop().await;
}

#[tokio::test]
async fn p_02_b_50_at_most_three_reset_mails_an_hour() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.user("bombed@acme.example", &password()).await;
    let mut logins = LoginServiceClient::new(suite.anyone());
    for _ in 0..10 {
        let ask = RequestPasswordResetRequest {
            tenant: "acme".into(),
            username: "bombed@acme.example".into(),
        };
        logins
            .request_password_reset(ask)
            .await
            .expect("always the same answer");
    }
    // A later mail to somebody else: all that was asked before it is sent.
    acme.user("later@acme.example", &password()).await;
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: "later@acme.example".into(),
    };
    logins.request_password_reset(ask).await.unwrap();
    token_mailed_to(&suite.mails(), "later@acme.example").await;
    let mails = suite.mails().to("bombed@acme.example").await.unwrap().len();
    assert!((1..=3).contains(&mails), "{mails} mails");
    suite.stop().await;
}

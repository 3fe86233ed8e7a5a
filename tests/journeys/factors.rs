//! Second factors: enrolling, changing, losing them.

mod guesses;
mod recovery;
mod signed_in;

use contract::authorization::RoleSet;
use contract::identity::{
    ConfirmTotpRequest, EnrolTotpRequest, Factors, FinishTotpEnrolmentRequest, GetFactorsRequest,
    LoginStep, MfaPolicy, ReauthenticateRequest, ResetFactorsRequest, StartTotpEnrolmentRequest,
    VerifyRecoveryCodeRequest, VerifyTotpRequest, factor_service_client::FactorServiceClient,
    login_response, login_service_client::LoginServiceClient, reauthenticate_request::Second,
    verify_recovery_code_response, verify_totp_response,
};
use testkit::{Authenticator, Client, until};
use tonic::Status;
use usher_tests::{Company, Member, Suite, password, sign_in};

use crate::{assert_refused, logins::login, sessions::validate};

/// A flow of somebody whose password is not enough.
pub async fn flow(anyone: &Client, username: &str, password: &str) -> (String, Vec<LoginStep>) {
    match login(anyone, "acme", username, password)
        .await
        .expect("a flow")
    {
        login_response::Outcome::Flow(flow) => {
            (flow.flow_token.clone(), flow.next_steps().collect())
        }
        login_response::Outcome::Session(_) => panic!("a password alone was enough"),
    }
}

/// Somebody with everything enrolled that a phone can hold.
pub struct Enrolled {
    pub username: &'static str,
    pub password: String,
    pub phone: Authenticator,
    pub recovery_codes: Vec<String>,
}

/// Creates a user and enrols an authenticator in their first login, which the
/// tenant requires.
pub async fn enrolled(acme: &Company, username: &'static str) -> (Enrolled, Member) {
    let password = password();
    acme.user(username, &password).await;
    let (flow_token, steps) = flow(&acme.anyone, username, &password).await;
    assert_eq!(steps, [LoginStep::EnrolTotp]);
    let mut logins = LoginServiceClient::new(acme.anyone.clone());
    let ask = EnrolTotpRequest {
        flow_token: flow_token.clone(),
    };
    let secret = logins.enrol_totp(ask).await.unwrap().into_inner();
    assert!(secret.qr_png.starts_with(b"\x89PNG\r\n\x1a\n"), "no image");
    let phone = Authenticator::scan(&secret.otpauth_uri);
    let code = phone.code(0);
    let ask = ConfirmTotpRequest { flow_token, code };
    let reply = logins
        .confirm_totp(ask)
        .await
        .expect("enrolled")
        .into_inner();
    let Some(contract::identity::confirm_totp_response::Outcome::Session(new)) = reply.outcome
    else {
        panic!("a first code should be enough");
    };
    let member = Member {
        user_id: new.session.expect("a session").user_id,
        client: acme.anyone.signed_in(&new.session_token),
        session_token: new.session_token,
    };
    let enrolled = Enrolled {
        username,
        password,
        phone,
        recovery_codes: reply.recovery_codes,
    };
    (enrolled, member)
}

/// A suite with a company whose users must have a second factor.
pub async fn strict(flags: &[&str]) -> (Suite, Company) {
    let suite = Suite::start_with(flags).await;
    let acme = suite
        .company_with("acme", RoleSet::Standard, MfaPolicy::Required)
        .await;
    (suite, acme)
}

/// What somebody has; oneself where nobody is named.
pub async fn factors(client: &Client, user_id: &str) -> Factors {
    let ask = GetFactorsRequest {
        user_id: user_id.into(),
    };
    let mut service = FactorServiceClient::new(client.clone());
    let reply = service.get_factors(ask).await.expect("factors");
    reply.into_inner().factors.expect("factors")
}

/// Proves again who is there.
pub async fn reauthenticate(
    client: &Client,
    password: &str,
    second: Option<Second>,
) -> Result<(), Status> {
    let ask = ReauthenticateRequest {
        password: password.into(),
        second,
    };
    let mut service = FactorServiceClient::new(client.clone());
    service.reauthenticate(ask).await.map(drop)
}

/// Enrols an authenticator from a session that is fresh, with the code that the
/// phone shows `steps` periods from now.
pub async fn enrol(client: &Client, steps: i64) -> Result<(Authenticator, Vec<String>), Status> {
    let mut service = FactorServiceClient::new(client.clone());
    let started = service
        .start_totp_enrolment(StartTotpEnrolmentRequest::default())
        .await?
        .into_inner();
    let phone = Authenticator::scan(&started.otpauth_uri);
    let ask = FinishTotpEnrolmentRequest {
        code: phone.code(steps),
        ..Default::default()
    };
    let finished = service.finish_totp_enrolment(ask).await?.into_inner();
    Ok((phone, finished.recovery_codes))
}

/// Logs in with a recovery code.
pub async fn recover(anyone: &Client, flow_token: &str, code: &str) -> Result<String, Status> {
    let ask = VerifyRecoveryCodeRequest {
        flow_token: flow_token.into(),
        recovery_code: code.into(),
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    let reply = logins.verify_recovery_code(ask).await?.into_inner();
    match reply.outcome {
        Some(verify_recovery_code_response::Outcome::Session(new)) => {
            assert_eq!(new.session.expect("a session").assurance_level, 2);
            Ok(new.session_token)
        }
        other => panic!("a recovery code should be enough: {other:?}"),
    }
}

/// Waits until so many notices about their factors went to somebody.
pub async fn notices(suite: &Suite, email: &str, count: usize) {
    until("a notice that factors were changed", || async {
        let mails = suite.mails().to(email).await.ok()?;
        let notices = mails
            .iter()
            .filter(|mail| mail.subject.starts_with("Your second factors"));
        (notices.count() >= count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn m_03_an_admin_resets_the_factors_of_who_lost_them() {
    let (suite, acme) = strict(&[]).await;
    let (lea, before) = enrolled(&acme, "lea@acme.example").await;
    notices(&suite, lea.username, 1).await;
    let mut admin = FactorServiceClient::new(acme.admin.client.clone());
    let reset = |user_id: &str| ResetFactorsRequest {
        user_id: user_id.into(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    // Nobody their own, and nobody without the permission.
    assert_refused!(
        admin.reset_factors(reset(&acme.admin.user_id)).await,
        "OWN_ACCOUNT"
    );
    assert_refused!(
        FactorServiceClient::new(before.client.clone())
            .reset_factors(reset(&acme.admin.user_id))
            .await,
        "PERMISSION_DENIED"
    );
    let seen = factors(&acme.admin.client, &before.user_id).await;
    assert!(seen.required && seen.factors.len() == 1 && seen.recovery_codes_left == 10);

    let ask = reset(&before.user_id);
    for _ in ["once", "again"] {
        let user = admin.reset_factors(ask.clone()).await.expect("a reset");
        let user = user.into_inner().user.expect("the user");
        assert!(!user.mfa_enabled && user.mfa_required && user.recovery_codes_left == 0);
    }
    assert_refused!(
        validate(&acme.anyone, &before.session_token).await,
        "SESSION_ENDED"
    );
    notices(&suite, lea.username, 2).await;
    // The next login enrols again; neither the old phone nor the old codes help.
    let (flow_token, steps) = flow(&acme.anyone, lea.username, &lea.password).await;
    assert_eq!(steps, [LoginStep::EnrolTotp]);
    let mut logins = LoginServiceClient::new(acme.anyone.clone());
    let old = VerifyTotpRequest {
        flow_token: flow_token.clone(),
        code: lea.phone.code(1),
    };
    assert_refused!(logins.verify_totp(old).await, "FLOW_ENDED");
    assert_refused!(
        recover(&acme.anyone, &flow_token, &lea.recovery_codes[0]).await,
        "FLOW_ENDED"
    );
    suite.stop().await;
}

#[tokio::test]
async fn m_02_both_levels_are_visible() {
    let suite = Suite::start().await;
    let anyone = suite.anyone();
    for (name, policy, required) in [
        ("off", MfaPolicy::Off, false),
        ("optional", MfaPolicy::Optional, false),
        ("required", MfaPolicy::Required, true),
    ] {
        let company = suite.company_with(name, RoleSet::Standard, policy).await;
        let user_id = company.user("vera@levels.example", &password()).await;
        let seen = factors(&company.admin.client, &user_id).await;
        assert_eq!(seen.mfa_policy(), policy, "configured by the tenant");
        assert_eq!((seen.required, seen.factors.len()), (required, 0), "{name}");
    }
    let company = suite.company("levels").await;
    let secret = password();
    company.user("vera@levels.example", &secret).await;
    let vera = sign_in(&anyone, "levels", "vera@levels.example", &secret)
        .await
        .expect("a login");
    reauthenticate(&vera.client, &secret, None)
        .await
        .expect("fresh");
    enrol(&vera.client, 0).await.expect("enrolled");
    let seen = factors(&vera.client, "").await;
    assert_eq!(
        (seen.required, seen.factors.len(), seen.recovery_codes_left),
        (false, 1, 10),
        "enabled by the user"
    );
    suite.stop().await;
}

/// Proves the authenticator of somebody and answers the session.
pub async fn verify(anyone: &Client, flow_token: String, code: String) -> Result<String, Status> {
    let ask = VerifyTotpRequest { flow_token, code };
    let mut logins = LoginServiceClient::new(anyone.clone());
    match logins.verify_totp(ask).await?.into_inner().outcome {
        Some(verify_totp_response::Outcome::Session(new)) => Ok(new.session_token),
        other => panic!("password and code should be enough: {other:?}"),
    }
}

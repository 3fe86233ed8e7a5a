//! Changing factors while signed in (B-11).

use std::time::Duration;

use contract::identity::{
    CreateRecoveryCodesRequest, FactorKind, FactorPolicy, FinishSmsEnrolmentRequest,
    FinishTotpEnrolmentRequest, LoginStep, MfaPolicy, Policy, RemoveFactorRequest,
    StartSmsEnrolmentRequest, StartTotpEnrolmentRequest,
    factor_service_client::FactorServiceClient, reauthenticate_request::Second,
};
use testkit::{Client, eventually, refusal, until};
use usher_tests::{Suite, password, sign_in};

use super::{enrol, enrolled, factors, flow, notices, reauthenticate, strict, verify};
use crate::{assert_refused, policies::update, sessions::validate};

/// The answer to every call that changes factors, by its name.
async fn changes(client: &Client) -> Vec<(&'static str, String)> {
    let mut service = FactorServiceClient::new(client.clone());
    let code = "123456".to_owned();
    let number = "+4915123456789".to_owned();
    let kind = FactorKind::Totp.into();
    let told = |answer: Result<(), tonic::Status>| {
        answer.map_or_else(|status| refusal(&status).reason, |()| "done".into())
    };
    let ask = StartTotpEnrolmentRequest::default();
    let start_totp = service.start_totp_enrolment(ask).await.map(drop);
    let ask = FinishTotpEnrolmentRequest {
        code: code.clone(),
        ..Default::default()
    };
    let finish_totp = service.finish_totp_enrolment(ask).await.map(drop);
    let ask = StartSmsEnrolmentRequest {
        number,
        ..Default::default()
    };
    let start_sms = service.start_sms_enrolment(ask).await.map(drop);
    let ask = FinishSmsEnrolmentRequest {
        code,
        ..Default::default()
    };
    let finish_sms = service.finish_sms_enrolment(ask).await.map(drop);
    let ask = CreateRecoveryCodesRequest::default();
    let recovery_codes = service.create_recovery_codes(ask).await.map(drop);
    let ask = RemoveFactorRequest {
        kind,
        ..Default::default()
    };
    let remove = service.remove_factor(ask).await.map(drop);
    vec![
        ("start_totp_enrolment", told(start_totp)),
        ("finish_totp_enrolment", told(finish_totp)),
        ("start_sms_enrolment", told(start_sms)),
        ("finish_sms_enrolment", told(finish_sms)),
        ("create_recovery_codes", told(recovery_codes)),
        ("remove_factor", told(remove)),
    ]
}

/// Every change of factors is refused for want of a fresh proof.
async fn all_refused(client: &Client, when: &str) {
    for (method, answer) in changes(client).await {
        assert_eq!(answer, "REAUTHENTICATION_REQUIRED", "{method} {when}");
    }
}

#[tokio::test]
async fn b_11_no_factor_is_changed_without_a_fresh_proof_of_all_there_is() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    acme.user("finn@acme.example", &secret).await;
    let finn = sign_in(&anyone, "acme", "finn@acme.example", &secret)
        .await
        .unwrap();
    let other = sign_in(&anyone, "acme", "finn@acme.example", &secret)
        .await
        .unwrap();
    all_refused(&finn.client, "in a session just made").await;
    assert_refused!(
        reauthenticate(&finn.client, "not the password", None).await,
        "CREDENTIALS_WRONG"
    );
    all_refused(&finn.client, "after a wrong password").await;
    reauthenticate(&finn.client, &secret, None)
        .await
        .expect("fresh");
    all_refused(&other.client, "when another session is fresh").await;
    suite.time().advance(Duration::from_secs(5 * 60 + 1));
    all_refused(&finn.client, "after five minutes").await;

    // With a factor, the password alone is not enough any more.
    reauthenticate(&finn.client, &secret, None)
        .await
        .expect("fresh");
    let (_, codes) = enrol(&finn.client, 10).await.expect("enrolled");
    assert_eq!(codes.len(), 10);
    assert_refused!(
        validate(&anyone, &other.session_token).await,
        "SESSION_ENDED"
    );
    validate(&anyone, &finn.session_token)
        .await
        .expect("the session that enrolled goes on");
    notices(&suite, "finn@acme.example", 1).await;
    suite.time().advance(Duration::from_secs(5 * 60 + 1));
    let refused = reauthenticate(&finn.client, &secret, None)
        .await
        .unwrap_err();
    assert_eq!(refusal(&refused).fields, ["second"], "{refused:?}");
    let wrong = Some(Second::TotpCode("000000".into()));
    assert_refused!(
        reauthenticate(&finn.client, &secret, wrong).await,
        "CODE_WRONG"
    );
    all_refused(&finn.client, "after a wrong code").await;
    suite.stop().await;
}

#[tokio::test]
async fn m_01_a_signed_in_user_enrols_replaces_and_removes() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    acme.user("tom@acme.example", &secret).await;
    let tom = sign_in(&anyone, "acme", "tom@acme.example", &secret)
        .await
        .unwrap();
    reauthenticate(&tom.client, &secret, None)
        .await
        .expect("fresh");
    let mut service = FactorServiceClient::new(tom.client.clone());
    let finish = |code: String| FinishTotpEnrolmentRequest {
        code,
        ..Default::default()
    };
    assert_refused!(
        service.finish_totp_enrolment(finish("123456".into())).await,
        "ENROLMENT_ENDED"
    );
    let remove = |kind: FactorKind| RemoveFactorRequest {
        kind: kind.into(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    assert_refused!(
        service.remove_factor(remove(FactorKind::Totp)).await,
        "FACTOR_NOT_ENROLLED"
    );
    assert_refused!(
        service
            .create_recovery_codes(CreateRecoveryCodesRequest::default())
            .await,
        "FACTOR_NOT_ENROLLED"
    );
    let (first, codes) = enrol(&tom.client, 0).await.expect("enrolled");
    assert_eq!(codes.len(), 10, "with the first factor");
    let (second, codes) = enrol(&tom.client, 0).await.expect("another in its place");
    assert!(codes.is_empty(), "the codes from before are good still");
    let (flow_token, steps) = flow(&anyone, "tom@acme.example", &secret).await;
    assert_eq!(
        steps,
        [LoginStep::VerifyTotp, LoginStep::VerifyRecoveryCode]
    );
    assert_refused!(
        verify(&anyone, flow_token.clone(), first.code(1)).await,
        "CODE_WRONG"
    );
    verify(&anyone, flow_token, second.code(1))
        .await
        .expect("in");

    let ask = remove(FactorKind::Totp);
    for _ in ["once", "again"] {
        let left = service.remove_factor(ask.clone()).await.expect("removed");
        let left = left.into_inner().factors.expect("factors");
        assert_eq!((left.factors.len(), left.recovery_codes_left), (0, 0));
    }
    sign_in(&anyone, "acme", "tom@acme.example", &secret)
        .await
        .expect("a password is enough again");
    notices(&suite, "tom@acme.example", 3).await;
    suite.stop().await;
}

#[tokio::test]
async fn m_02_the_last_factor_stays_where_one_is_required() {
    let (suite, acme) = strict(&[]).await;
    let (ria, session) = enrolled(&acme, "ria@acme.example").await;
    let second = Some(Second::TotpCode(ria.phone.code(1)));
    reauthenticate(&session.client, &ria.password, second)
        .await
        .expect("fresh");
    let ask = RemoveFactorRequest {
        kind: FactorKind::Totp.into(),
        ..Default::default()
    };
    assert_refused!(
        FactorServiceClient::new(session.client.clone())
            .remove_factor(ask)
            .await,
        "FACTOR_REQUIRED"
    );
    assert_eq!(factors(&session.client, "").await.factors.len(), 1);
    suite.stop().await;
}

#[tokio::test]
async fn m_02_holders_of_named_roles_must_have_a_factor() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("rolf@acme.example", &secret).await;
    let policy = Policy {
        factor: Some(FactorPolicy {
            required_role_ids: vec![acme.roles["analyst"].clone()],
            ..Default::default()
        }),
        ..Default::default()
    };
    update(&acme.operator, &policy, &["factor.required_role_ids"], "")
        .await
        .expect("a policy");
    let rolf = sign_in(&anyone, "acme", "rolf@acme.example", &secret).await;
    let rolf = rolf.expect("who holds no such role needs none");
    acme.grant(&user_id, "analyst", "").await.expect("a role");
    until("identity hears of the role", || async {
        let seen = factors(&acme.admin.client, &user_id).await;
        seen.required.then_some(())
    })
    .await;
    let (_, steps) = flow(&anyone, "rolf@acme.example", &secret).await;
    assert_eq!(steps, [LoginStep::EnrolTotp]);
    eventually("the session of before ends", || async {
        validate(&anyone, &rolf.session_token).await.is_err()
    })
    .await;
    suite.stop().await;
}

/// Sessions in which a password alone was proven do not outlive the policy that
/// it was enough by.
#[tokio::test]
async fn m_02_where_a_factor_is_required_from_now_on_sessions_without_one_end() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let paula = acme.member("paula@acme.example", "analyst").await;
    let policy = Policy {
        factor: Some(FactorPolicy {
            mfa_policy: MfaPolicy::Required.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    update(&acme.admin.client, &policy, &["factor.mfa_policy"], "")
        .await
        .expect("a policy");
    eventually("the session ends", || async {
        validate(&suite.anyone(), &paula.session_token)
            .await
            .is_err()
    })
    .await;
    factors(&acme.admin.client, "").await;
    suite.stop().await;
}

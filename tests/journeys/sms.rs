//! Codes by SMS.

use std::time::Duration;

use contract::identity::{
    ConfirmSmsRequest, EnrolSmsRequest, FactorKind, FactorPolicy, FinishSmsEnrolmentRequest,
    GetFactorsRequest, LoginStep, MfaPolicy, Policy, SendReauthenticationCodeRequest,
    SendSmsCodeRequest, StartSmsEnrolmentRequest, VerifySmsCodeRequest,
    factor_service_client::FactorServiceClient, login_service_client::LoginServiceClient,
    reauthenticate_request::Second,
};
use testkit::{Client, until};
use tonic::Status;
use usher_tests::{Company, SmsProvider, Suite, password, sign_in};

use crate::{
    assert_refused,
    factors::{factors, flow, notices, reauthenticate, strict},
    policies::update,
};

const NUMBER: &str = "+4915123456789";
const KEY: &str = "Bearer the key of the provider";

/// A suite that sends messages, with a company that allows them.
async fn start(policy: MfaPolicy) -> (Suite, Company, SmsProvider) {
    let provider = SmsProvider::start().await;
    let flags = ["--sms-url", provider.url(), "--sms-authorization", KEY];
    let suite = Suite::start_with(&flags).await;
    let role_set = contract::authorization::RoleSet::Standard;
    let acme = suite.company_with("acme", role_set, policy).await;
    allow(&acme, true).await;
    (suite, acme, provider)
}

async fn allow(acme: &Company, sms_allowed: bool) {
    let policy = Policy {
        factor: Some(FactorPolicy {
            sms_allowed,
            ..Default::default()
        }),
        ..Default::default()
    };
    update(&acme.operator, &policy, &["factor.sms_allowed"], "")
        .await
        .expect("a policy");
}

/// A user with a phone, and their password.
async fn with_phone(acme: &Company, provider: &SmsProvider, username: &str) -> (Client, String) {
    let secret = password();
    acme.user(username, &secret).await;
    let user = sign_in(&acme.anyone, "acme", username, &secret)
        .await
        .unwrap();
    reauthenticate(&user.client, &secret, None)
        .await
        .expect("fresh");
    let mut service = FactorServiceClient::new(user.client.clone());
    let ask = StartSmsEnrolmentRequest {
        number: NUMBER.into(),
        ..Default::default()
    };
    service.start_sms_enrolment(ask).await.expect("a code");
    let finish = |code: String| FinishSmsEnrolmentRequest {
        code,
        ..Default::default()
    };
    let sent = provider.taken(1).await;
    let wrong = if sent.code() == "000000" {
        "111111"
    } else {
        "000000"
    };
    assert_refused!(
        service.finish_sms_enrolment(finish(wrong.into())).await,
        "CODE_WRONG"
    );
    let codes = service
        .finish_sms_enrolment(finish(sent.code()))
        .await
        .expect("enrolled")
        .into_inner()
        .recovery_codes;
    assert_eq!(codes.len(), 10);
    (user.client, secret)
}

async fn send(anyone: &Client, flow_token: &str) -> Result<String, Status> {
    let ask = SendSmsCodeRequest {
        flow_token: flow_token.into(),
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    Ok(logins.send_sms_code(ask).await?.into_inner().number_ending)
}

async fn verify(anyone: &Client, flow_token: &str, code: &str) -> Result<(), Status> {
    let ask = VerifySmsCodeRequest {
        flow_token: flow_token.into(),
        code: code.into(),
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    logins.verify_sms_code(ask).await.map(drop)
}

#[tokio::test]
async fn m_04_a_code_by_sms_is_good_once_in_its_login_for_ten_minutes() {
    let (suite, acme, provider) = start(MfaPolicy::Optional).await;
    let anyone = suite.anyone();
    let (client, secret) = with_phone(&acme, &provider, "mona@acme.example").await;
    notices(&suite, "mona@acme.example", 1).await;
    let seen = factors(&client, "").await.factors;
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (
            seen[0].kind(),
            seen[0].number_ending.as_str(),
            seen[0].usable
        ),
        (FactorKind::Sms, "89", true)
    );
    let first = &provider.received()[0];
    assert_eq!((first.to.as_str(), first.path.as_str()), (NUMBER, "/send"));
    assert_eq!(first.authorization, KEY);
    assert!(first.text.contains("The acme company"), "{first:?}");

    let (one, steps) = flow(&anyone, "mona@acme.example", &secret).await;
    let (two, _) = flow(&anyone, "mona@acme.example", &secret).await;
    assert_eq!(
        steps,
        [LoginStep::SendSmsCode, LoginStep::VerifyRecoveryCode]
    );
    assert_eq!(send(&anyone, &one).await.expect("a code"), "89");
    let code = provider.taken(2).await.code();
    assert_refused!(verify(&anyone, &two, &code).await, "CODE_WRONG");
    verify(&anyone, &one, &code).await.expect("in");
    assert_refused!(verify(&anyone, &one, &code).await, "FLOW_ENDED");
    assert_refused!(verify(&anyone, &two, &code).await, "CODE_WRONG");

    // Of two codes in one login the later is good, and not for ever.
    suite.time().advance(Duration::from_mins(1));
    send(&anyone, &two).await.expect("a code");
    let code = provider.taken(3).await.code();
    suite.time().advance(Duration::from_secs(9 * 60 + 30));
    assert_refused!(verify(&anyone, &two, &code).await, "FLOW_ENDED");
    suite.stop().await;
}

#[tokio::test]
async fn m_04_who_must_have_a_factor_may_enrol_a_phone_in_the_login() {
    let (suite, acme, provider) = start(MfaPolicy::Required).await;
    let (anyone, secret) = (suite.anyone(), password());
    acme.user("ella@acme.example", &secret).await;
    let (flow_token, steps) = flow(&anyone, "ella@acme.example", &secret).await;
    assert_eq!(steps, [LoginStep::EnrolTotp, LoginStep::EnrolSms]);
    let mut logins = LoginServiceClient::new(anyone.clone());
    let ask = EnrolSmsRequest {
        flow_token: flow_token.clone(),
        number: NUMBER.into(),
    };
    logins.enrol_sms(ask).await.expect("a code");
    let code = provider.taken(1).await.code();
    // A code for enrolling proves nothing else.
    assert_refused!(verify(&anyone, &flow_token, &code).await, "FLOW_ENDED");
    let ask = ConfirmSmsRequest { flow_token, code };
    let reply = logins.confirm_sms(ask).await.expect("enrolled, and in");
    assert_eq!(reply.into_inner().recovery_codes.len(), 10);
    let (_, steps) = flow(&anyone, "ella@acme.example", &secret).await;
    assert_eq!(
        steps,
        [LoginStep::SendSmsCode, LoginStep::VerifyRecoveryCode]
    );
    suite.stop().await;
}

#[tokio::test]
async fn m_04_messages_are_sent_until_taken_and_their_content_is_forgotten() {
    let (suite, acme, provider) = start(MfaPolicy::Optional).await;
    let secret = password();
    acme.user("nora@acme.example", &secret).await;
    let nora = sign_in(&acme.anyone, "acme", "nora@acme.example", &secret)
        .await
        .unwrap();
    reauthenticate(&nora.client, &secret, None)
        .await
        .expect("fresh");
    let mut service = FactorServiceClient::new(nora.client.clone());
    let ask = StartSmsEnrolmentRequest {
        number: NUMBER.into(),
        ..Default::default()
    };
    provider.answer(&[503, 429]);
    service
        .start_sms_enrolment(ask.clone())
        .await
        .expect("a code");
    // Waiting, it is sealed: neither number nor text are to be read.
    let sealed: Vec<u8> = until("a message that waits", || async {
        let mut db = suite.database().connect().await;
        sqlx::query_scalar("SELECT content FROM identity.sms_messages WHERE content IS NOT NULL")
            .fetch_optional(&mut db)
            .await
            .expect("a look")
    })
    .await;
    let plain = String::from_utf8_lossy(&sealed);
    assert!(!plain.contains(&NUMBER[1..]), "{plain}");
    for attempts in [2, 3] {
        until("the attempt before is over", || async {
            let mut db = suite.database().connect().await;
            let sql = "SELECT attempts FROM identity.sms_messages WHERE lease_token IS NULL";
            let done = sqlx::query_scalar::<_, i32>(sql).fetch_optional(&mut db);
            (done.await.expect("a look") == Some(attempts - 1)).then_some(())
        })
        .await;
        suite.time().advance(Duration::from_secs(10));
        until("another attempt", || async {
            (provider.received().len() >= attempts.unsigned_abs() as usize).then_some(())
        })
        .await;
    }
    let tries = provider.received();
    assert!(
        tries
            .iter()
            .all(|sms| sms.idempotency_key == tries[0].idempotency_key),
        "a repetition looks like another message: {tries:?}"
    );
    until("the content is gone", || async {
        let mut db = suite.database().connect().await;
        (count(&mut db, "SENT").await == 1).then_some(())
    })
    .await;

    // What is refused for good, and what leads elsewhere, is not tried again.
    provider.answer(&[400, 307]);
    for _ in 0..2 {
        service
            .start_sms_enrolment(ask.clone())
            .await
            .expect("a code");
    }
    until("both are given up", || async {
        let mut db = suite.database().connect().await;
        (count(&mut db, "FAILED").await == 2).then_some(())
    })
    .await;
    assert!(provider.received().iter().all(|sms| sms.path == "/send"));
    let mut db = suite.database().connect().await;
    assert_eq!(count(&mut db, "QUEUED").await, 0);

    // Three to a number within ten minutes, however often they are asked for.
    let refused = assert_refused!(service.start_sms_enrolment(ask).await, "SMS_LIMIT");
    assert!(refused.retry, "when to come back is not told");
    suite.stop().await;
}

async fn count(db: &mut sqlx::PgConnection, state: &str) -> i64 {
    let sql = "SELECT count(*) FROM identity.sms_messages
               WHERE state = $1 AND (content IS NULL) = (state <> 'QUEUED')";
    let count = sqlx::query_scalar(sql).bind(state).fetch_one(db);
    count.await.expect("a look")
}

#[tokio::test]
async fn m_04_a_phone_proves_who_is_there_and_is_asked_for_though_no_more_are_allowed() {
    let (suite, acme, provider) = start(MfaPolicy::Optional).await;
    let anyone = suite.anyone();
    let (client, secret) = with_phone(&acme, &provider, "ines@acme.example").await;
    let mut service = FactorServiceClient::new(client.clone());
    service
        .send_reauthentication_code(SendReauthenticationCodeRequest::default())
        .await
        .expect("a code");
    let code = Some(Second::SmsCode(provider.taken(2).await.code()));
    reauthenticate(&client, &secret, code.clone())
        .await
        .expect("fresh");
    assert_refused!(reauthenticate(&client, &secret, code).await, "CODE_WRONG");
    service
        .send_reauthentication_code(SendReauthenticationCodeRequest::default())
        .await
        .expect("a code");
    let code = Some(Second::SmsCode(provider.taken(3).await.code()));
    suite.time().advance(Duration::from_secs(10 * 60 + 1));
    // The signed token of before is over too; the next is made from the session.
    until("the session is known at the new time", || async {
        let ask = GetFactorsRequest::default();
        service.clone().get_factors(ask).await.ok()
    })
    .await;
    assert_refused!(reauthenticate(&client, &secret, code).await, "CODE_WRONG");

    allow(&acme, false).await;
    // No phone is enrolled any more; whoever has nothing else is still asked for
    // theirs: a password alone would be worse.
    let (flow_token, steps) = flow(&anyone, "ines@acme.example", &secret).await;
    assert_eq!(
        steps,
        [LoginStep::SendSmsCode, LoginStep::VerifyRecoveryCode]
    );
    assert_refused!(
        reauthenticate(&client, &secret, None).await,
        "FIELD_INVALID"
    );
    send(&anyone, &flow_token).await.expect("a code");
    let code = provider.taken(4).await.code();
    verify(&anyone, &flow_token, &code).await.expect("in");
    suite.stop().await;
}

#[tokio::test]
async fn m_04_without_a_provider_no_code_is_sent() {
    let (suite, acme) = strict(&[]).await;
    allow(&acme, true).await;
    let secret = password();
    acme.user("udo@acme.example", &secret).await;
    let (flow_token, _) = flow(&acme.anyone, "udo@acme.example", &secret).await;
    let ask = EnrolSmsRequest {
        flow_token,
        number: NUMBER.into(),
    };
    assert_refused!(
        LoginServiceClient::new(acme.anyone.clone())
            .enrol_sms(ask)
            .await,
        "SMS_NOT_ALLOWED"
    );
    suite.stop().await;
}

//! Recovery codes.

use std::collections::BTreeSet;

use contract::identity::{
    CreateRecoveryCodesRequest, LoginStep, factor_service_client::FactorServiceClient,
    reauthenticate_request::Second,
};
use usher_tests::suite::MANY_ATTEMPTS;

use super::{enrolled, factors, flow, notices, reauthenticate, recover, strict};
use crate::assert_refused;

#[tokio::test]
async fn m_06_recovery_codes_stand_in_for_the_phone_and_work_once() {
    let (suite, acme) = strict(&[]).await;
    let (rosa, session) = enrolled(&acme, "rosa@acme.example").await;
    let codes: BTreeSet<_> = rosa.recovery_codes.iter().collect();
    assert_eq!(codes.len(), 10, "{codes:?}");
    assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
    notices(&suite, rosa.username, 1).await;

    let (flow_token, steps) = flow(&acme.anyone, rosa.username, &rosa.password).await;
    assert_eq!(
        steps,
        [LoginStep::VerifyTotp, LoginStep::VerifyRecoveryCode]
    );
    assert_refused!(
        recover(&acme.anyone, &flow_token, "0000-0000-0000-0000").await,
        "CODE_WRONG"
    );
    let typed = rosa.recovery_codes[0].to_lowercase().replace('-', " ");
    recover(&acme.anyone, &flow_token, &typed)
        .await
        .expect("in");
    notices(&suite, rosa.username, 2).await;
    assert_eq!(factors(&session.client, "").await.recovery_codes_left, 9);
    let (flow_token, _) = flow(&acme.anyone, rosa.username, &rosa.password).await;
    assert_refused!(
        recover(&acme.anyone, &flow_token, &rosa.recovery_codes[0]).await,
        "CODE_WRONG"
    );

    // New ones, after proving oneself with an old one: that one and the rest die.
    let second = Second::RecoveryCode(rosa.recovery_codes[1].clone());
    reauthenticate(&session.client, &rosa.password, Some(second))
        .await
        .expect("fresh");
    let mut service = FactorServiceClient::new(session.client.clone());
    let ask = CreateRecoveryCodesRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let new = service
        .create_recovery_codes(ask.clone())
        .await
        .expect("new codes")
        .into_inner()
        .recovery_codes;
    // They are shown once.
    assert_refused!(
        service.create_recovery_codes(ask).await,
        "REQUEST_ID_REUSED"
    );
    assert_eq!(factors(&session.client, "").await.recovery_codes_left, 10);
    // The login from before has ended with the change.
    let (flow_token, _) = flow(&acme.anyone, rosa.username, &rosa.password).await;
    for old in &rosa.recovery_codes[1..3] {
        assert_refused!(recover(&acme.anyone, &flow_token, old).await, "CODE_WRONG");
    }
    recover(&acme.anyone, &flow_token, &new[0])
        .await
        .expect("in");
    suite.stop().await;
}

#[tokio::test]
async fn b_10_of_a_hundred_submits_of_a_recovery_code_one_is_taken() {
    let (suite, acme) = strict(&MANY_ATTEMPTS).await;
    let (rosa, _) = enrolled(&acme, "rosa@acme.example").await;
    let mut flows = Vec::new();
    for _ in 0..100 {
        flows.push(flow(&acme.anyone, rosa.username, &rosa.password).await.0);
    }
    let tries: Vec<_> = flows
        .into_iter()
        .map(|flow_token| {
            let (anyone, code) = (acme.anyone.clone(), rosa.recovery_codes[0].clone());
            tokio::spawn(async move { recover(&anyone, &flow_token, &code).await.is_ok() })
        })
        .collect();
    let mut accepted = 0;
    for one in tries {
        accepted += usize::from(one.await.expect("an answer"));
    }
    assert_eq!(accepted, 1, "one code was taken {accepted} times");
    suite.stop().await;
}

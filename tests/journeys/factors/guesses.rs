//! Guessing codes.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use contract::identity::{
    ListAuditRecordsRequest, LoginProof, VerifyTotpRequest,
    audit_service_client::AuditServiceClient, login_service_client::LoginServiceClient,
};
use testkit::until;
use usher_tests::suite::MANY_ATTEMPTS;

use super::{enrolled, flow, strict};

/// How many guesses. Ten thousand, which take minutes, tell the same.
const GUESSES: usize = 1_000;

/// Guesses over many logins: no more are looked at than the budget has, and the
/// account is locked for all that follow.
#[tokio::test]
async fn b_09_guesses_of_codes_have_one_budget_over_all_logins() {
    let (suite, acme) = strict(&MANY_ATTEMPTS).await;
    let (victim, member) = enrolled(&acme, "victim@acme.example").await;
    let mut flows = Vec::new();
    for _ in 0..8 {
        flows.push(
            flow(&acme.anyone, victim.username, &victim.password)
                .await
                .0,
        );
    }
    let next: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(0)));
    let guessers: Vec<_> = flows
        .into_iter()
        .map(|flow_token| {
            let mut logins = LoginServiceClient::new(acme.anyone.clone());
            tokio::spawn(async move {
                while next.fetch_add(1, SeqCst) < GUESSES {
                    let ask = VerifyTotpRequest {
                        flow_token: flow_token.clone(),
                        // No authenticator shows it three times in a row.
                        code: "000000".into(),
                    };
                    let refused = logins
                        .verify_totp(ask)
                        .await
                        .expect_err("a guess was right");
                    let reason = testkit::refusal(&refused).reason;
                    assert!(
                        ["CODE_WRONG", "TOO_MANY_LOGINS"].contains(&reason.as_str()),
                        "{refused:?}"
                    );
                }
            })
        })
        .collect();
    for guesser in guessers {
        guesser.await.expect("a guesser");
    }
    let evaluated = until("the lockout in the audit trail", || async {
        let ask = ListAuditRecordsRequest {
            target_id: member.user_id.clone(),
            actions: vec!["login_failed".into(), "user_locked_out".into()],
            page_size: 100,
            ..Default::default()
        };
        let mut audit = AuditServiceClient::new(acme.admin.client.clone());
        let records = audit
            .list_audit_records(ask)
            .await
            .unwrap()
            .into_inner()
            .records;
        let locked = records.iter().any(|one| one.action == "user_locked_out");
        locked.then(|| records.len() - 1)
    })
    .await;
    assert!(
        (1..=10).contains(&evaluated),
        "{evaluated} guesses of {:?} were looked at",
        LoginProof::Totp
    );
    let sql = "SELECT factors_in_a_row FROM identity.attempts WHERE user_id = $1::uuid";
    let mut db = suite.database().connect().await;
    let in_a_row = sqlx::query_scalar(sql)
        .bind(&member.user_id)
        .fetch_one(&mut db);
    let in_a_row: i32 = in_a_row.await.expect("a budget");
    assert_eq!(usize::try_from(in_a_row), Ok(evaluated), "not counted");
    suite.stop().await;
}

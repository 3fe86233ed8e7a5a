//! One connection to Postgres for each service.

use contract::identity::{ListAuditRecordsRequest, audit_service_client::AuditServiceClient};
use testkit::until;
use usher_tests::Suite;

/// Whoever held a connection while waiting for another would wait in vain here,
/// and under load with any number of them.
#[tokio::test]
async fn nothing_waits_for_a_connection_while_it_holds_one() {
    let suite = Suite::start_with(&["--postgres-connections", "1"]).await;
    // The operator acts here from another tenant, which events tell too.
    let acme = suite.company("acme").await;
    acme.member("ana@acme.example", "analyst").await;
    for action in ["tenant_created", "invitation_created", "login_succeeded"] {
        let ask = ListAuditRecordsRequest {
            actions: vec![action.into()],
            ..Default::default()
        };
        until(action, || async {
            let mut audit = AuditServiceClient::new(acme.admin.client.clone());
            let reply = audit.list_audit_records(ask.clone()).await.ok()?;
            reply.into_inner().records.pop()
        })
        .await;
    }
    suite.stop().await;
}

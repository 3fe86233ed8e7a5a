//! The audit trail: what it tells, exports, streams, and proves.

mod proof;
mod tampering;

use std::time::Duration;

use contract::identity::{
    AuditFilter, AuditRecord, ExportAuditRecordsRequest, ListAuditRecordsRequest,
    RevokeSessionRequest, UpdateTenantRequest, WatchAuditRecordsRequest, WatchAuditRecordsResponse,
    audit_service_client::AuditServiceClient, session_service_client::SessionServiceClient,
    tenant_service_client::TenantServiceClient,
};
use testkit::{Client, until};
use tonic::{Status, Streaming};
use usher_tests::{Suite, suite::MANY_CALLS};

use crate::assert_refused;

fn audit(client: &Client) -> AuditServiceClient<Client> {
    AuditServiceClient::new(client.clone())
}

/// The records that fit, once there are any.
async fn found(client: &Client, ask: ListAuditRecordsRequest) -> Vec<AuditRecord> {
    until("a record", || async {
        let reply = audit(client).list_audit_records(ask.clone()).await;
        let records = reply.expect("a page").into_inner().records;
        (!records.is_empty()).then_some(records)
    })
    .await
}

/// The whole trail, in its order.
async fn export(client: &Client) -> Vec<AuditRecord> {
    let ask = ExportAuditRecordsRequest::default();
    let reply = audit(client).export_audit_records(ask).await;
    let mut pieces = reply.expect("an export").into_inner();
    let mut records = Vec::new();
    while let Some(piece) = pieces.message().await.expect("a piece") {
        records.extend(piece.records);
    }
    records
}

async fn rename(client: &Client, display_name: &str) {
    let ask = UpdateTenantRequest {
        display_name: Some(display_name.into()),
        ..Default::default()
    };
    let mut tenants = TenantServiceClient::new(client.clone());
    tenants.update_tenant(ask).await.expect("renamed");
}

#[tokio::test]
async fn o_03_a_record_tells_who_what_when_from_where_and_what_it_was_before() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let request = uuid::Uuid::new_v4().to_string();
    let admin = acme.admin.client.with("usher-request-id", &request);
    rename(&admin, "Acme GmbH").await;
    let by_request = ListAuditRecordsRequest {
        request: request.clone(),
        ..Default::default()
    };
    let records = found(&admin, by_request).await;
    assert_eq!(records.len(), 1, "{records:?}");
    let record = &records[0];
    let actor = record.actor.clone().expect("an actor");
    assert_eq!(record.action, "tenant_updated");
    assert_eq!(record.target_id, acme.id);
    assert_eq!(record.request_id, request);
    assert_eq!(record.actor_email, "admin@acme.example");
    assert_eq!(actor.user_id, acme.admin.user_id);
    assert_eq!(actor.address, "192.0.2.7");
    let changes: Vec<_> = record
        .changes
        .iter()
        .map(|one| (one.field.as_str(), one.before.as_str(), one.after.as_str()))
        .collect();
    assert_eq!(changes, [("display_name", "The acme company", "Acme GmbH")]);

    // Each filter lets it through, and keeps out what does not fit.
    let only = |change: fn(&mut ListAuditRecordsRequest, &AuditRecord)| {
        let mut ask = ListAuditRecordsRequest::default();
        change(&mut ask, record);
        ask
    };
    let mut seen = Vec::new();
    for ask in [
        only(|ask, one| ask.target_id.clone_from(&one.target_id)),
        only(|ask, one| ask.actor_user_id = one.actor.clone().unwrap_or_default().user_id),
        only(|ask, one| ask.actions = vec![one.action.clone()]),
        only(|ask, one| ask.address = one.actor.clone().unwrap_or_default().address),
        only(|ask, one| ask.start_time = one.occur_time),
    ] {
        let records = found(&admin, ask).await;
        seen.push(records.iter().any(|one| one.id == record.id));
    }
    assert_eq!(seen, [true; 5]);
    for ask in [
        only(|ask, one| ask.end_time = one.occur_time),
        only(|ask, _| ask.address = "203.0.113.9".into()),
        only(|ask, _| ask.actions = vec!["user_deleted".into()]),
    ] {
        let reply = audit(&admin).list_audit_records(ask).await;
        let records = reply.expect("a page").into_inner().records;
        assert!(records.iter().all(|one| one.id != record.id));
    }
    suite.stop().await;
}

#[tokio::test]
async fn o_03_an_action_that_nobody_knows_is_refused_with_those_like_it() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let ask = |action: &str| ListAuditRecordsRequest {
        actions: vec![action.into()],
        ..Default::default()
    };
    let client = &acme.admin.client;
    let reply = audit(client).list_audit_records(ask("user_disable")).await;
    let status = reply.expect_err("there is no such action");
    assert!(status.message().contains("user_disabled"), "{status:?}");
    let refusal = testkit::refusal(&status);
    assert_eq!(refusal.reason, "FIELD_INVALID");
    assert_eq!(refusal.fields, ["actions"]);
    let reply = audit(client).list_audit_records(ask("zzzzz")).await;
    assert_refused!(reply, "FIELD_INVALID");
    let wrong = ListAuditRecordsRequest {
        address: "not an address".into(),
        ..Default::default()
    };
    let refusal = assert_refused!(
        audit(client).list_audit_records(wrong).await,
        "FIELD_INVALID"
    );
    assert_eq!(refusal.fields, ["address"]);
    suite.stop().await;
}

#[tokio::test]
async fn o_03_the_total_is_counted_once_and_carried_from_page_to_page() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    for number in 0..5 {
        rename(client, &format!("Acme {number}")).await;
    }
    let renamed = ListAuditRecordsRequest {
        actions: vec!["tenant_updated".into()],
        page_size: 2,
        ..Default::default()
    };
    let first = until("five records", || async {
        let reply = audit(client).list_audit_records(renamed.clone()).await;
        let page = reply.expect("a page").into_inner();
        (page.total_size == 5).then_some(page)
    })
    .await;
    rename(client, "Acme once more").await;
    let next = ListAuditRecordsRequest {
        page_token: first.next_page_token,
        ..renamed
    };
    let reply = audit(client).list_audit_records(next).await;
    assert_eq!(reply.expect("a page").into_inner().total_size, 5);
    suite.settled().await;
    let all = ListAuditRecordsRequest::default();
    let reply = audit(client).list_audit_records(all).await;
    let total = reply.expect("a page").into_inner().total_size;
    assert_eq!(total, export(client).await.len() as u64);
    suite.stop().await;
}

async fn watch(
    client: &Client,
    after_sequence: Option<u64>,
) -> Result<Streaming<WatchAuditRecordsResponse>, Status> {
    let ask = WatchAuditRecordsRequest {
        filter: Some(AuditFilter {
            actions: vec!["tenant_updated".into()],
            ..Default::default()
        }),
        after_sequence,
    };
    Ok(audit(client).watch_audit_records(ask).await?.into_inner())
}

async fn next(news: &mut Streaming<WatchAuditRecordsResponse>) -> WatchAuditRecordsResponse {
    let next = tokio::time::timeout(Duration::from_secs(20), news.message());
    let news = next.await.expect("news in time").expect("no refusal");
    news.expect("the stream goes on")
}

#[tokio::test]
async fn o_03_a_watch_tells_what_happens_and_goes_on_where_it_ended() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    rename(client, "Before").await;
    found(
        client,
        ListAuditRecordsRequest {
            actions: vec!["tenant_updated".into()],
            ..Default::default()
        },
    )
    .await;
    let mut news = watch(client, None).await.expect("a stream");
    let first = next(&mut news).await;
    assert!(first.records.is_empty(), "what was before: {first:?}");
    rename(client, "Meanwhile").await;
    let second = next(&mut news).await;
    let names = |told: &WatchAuditRecordsResponse| -> Vec<String> {
        let changes = told.records.iter().flat_map(|one| one.changes.clone());
        changes.map(|change| change.after).collect()
    };
    assert_eq!(names(&second), ["Meanwhile"]);
    drop(news);
    rename(client, "Nobody watched").await;
    rename(client, "Again").await;
    let mut news = watch(client, Some(second.sequence))
        .await
        .expect("a stream");
    let mut told = Vec::new();
    while told.len() < 2 {
        told.extend(names(&next(&mut news).await));
    }
    assert_eq!(told, ["Nobody watched", "Again"]);
    let mut all = watch(client, Some(0)).await.expect("a stream");
    assert_eq!(next(&mut all).await.records.len(), 4);
    suite.stop().await;
}

#[tokio::test]
async fn o_03_a_watch_ends_with_the_session_and_there_are_only_so_many() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let member = acme.member("auditor@acme.example", "admin").await;
    let mut open = Vec::new();
    for _ in 0..10 {
        let mut news = watch(&member.client, None).await.expect("a stream");
        next(&mut news).await;
        open.push(news);
    }
    assert_refused!(watch(&member.client, None).await, "TOO_MANY_WATCHES");
    // An export that nobody reads would hold its place as long.
    let ask = ExportAuditRecordsRequest::default();
    let unread = audit(&member.client).export_audit_records(ask).await;
    assert_refused!(unread.map(drop), "TOO_MANY_WATCHES");
    let ask = RevokeSessionRequest::default();
    let mut sessions = SessionServiceClient::new(member.client.clone());
    sessions.revoke_session(ask).await.expect("ended");
    let end = async {
        loop {
            match open[0].message().await {
                Ok(Some(_)) => {}
                other => return other,
            }
        }
    };
    let end = tokio::time::timeout(Duration::from_secs(20), end);
    assert_refused!(end.await.expect("an end in time"), "CREDENTIAL_INVALID");
    suite.stop().await;
}

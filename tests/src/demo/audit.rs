//! Step 8: what happened, as the audit trail tells it.

use anyhow::{Result, ensure};
use contract::identity::{
    AuditRecord, ListAuditRecordsRequest, audit_service_client::AuditServiceClient,
};
use testkit::{Client, until};

use super::{Company, Steps, invitee::Guest};

/// What must have happened, in this order; other things may stand between.
const STORY: [&str; 12] = [
    "tenant_created",
    "licensed_roles_set",
    "license_updated",
    "invitation_created",
    "invitation_accepted",
    "project_created",
    "import_uploaded",
    "import_row_updated",
    "import_role_mapped",
    "import_committed",
    "import_done",
    "user_disabled",
];

/// The trail holds the story in order, each change with actor and address.
pub async fn verify(company: &Company, guest: &Guest, steps: &Steps) -> Result<()> {
    let client = &company.admin.client;
    let missing = |records: &[AuditRecord]| {
        let mut left = STORY.iter().peekable();
        for record in records {
            left.next_if(|action| **action == record.action);
        }
        left.next().copied()
    };
    let records = until("the whole story in the audit trail", || async {
        let records = records(client).await.ok()?;
        missing(&records).is_none().then_some(records)
    })
    .await;
    let disabled = records
        .iter()
        .find(|one| one.action == "user_disabled" && one.target_id == guest.setup.user_id);
    let by = disabled
        .and_then(|one| one.actor.as_ref())
        .map(|actor| actor.user_id.as_str());
    ensure!(
        by == Some(&company.admin.user_id),
        "who disabled the guest is not told: {disabled:?}"
    );
    for record in records
        .iter()
        .filter(|one| STORY.contains(&one.action.as_str()))
    {
        let actor = record.actor.clone().unwrap_or_default();
        ensure!(!actor.user_id.is_empty(), "nobody did {record:?}");
        ensure!(!actor.address.is_empty(), "no address in {record:?}");
    }
    let times: Vec<_> = records
        .iter()
        .filter_map(|one| one.occur_time)
        .map(|at| (at.seconds, at.nanos))
        .collect();
    ensure!(times.is_sorted(), "the trail is out of order");
    steps.note(&format!("{} records", records.len()));
    Ok(())
}

async fn records(client: &Client) -> Result<Vec<AuditRecord>> {
    let mut ask = ListAuditRecordsRequest {
        page_size: 100,
        ..Default::default()
    };
    let mut records = Vec::new();
    loop {
        let page = AuditServiceClient::new(client.clone())
            .list_audit_records(ask.clone())
            .await?
            .into_inner();
        records.extend(page.records);
        if page.next_page_token.is_empty() {
            return Ok(records);
        }
        ask.page_token = page.next_page_token;
    }
}

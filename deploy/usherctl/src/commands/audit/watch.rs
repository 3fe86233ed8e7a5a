//! Shows the audit trail as it grows.

use contract::identity::{
    AuditFilter, AuditRecord, WatchAuditRecordsRequest, audit_service_client::AuditServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    print::{time, write_line},
};

/// Shows records, a line each, until interrupted or refused.
pub async fn run(
    session: &Session,
    filter: AuditFilter,
    mut after: Option<u64>,
) -> Result<(), Failure> {
    let mut client = AuditServiceClient::new(session.client.gateway());
    // A stream lasts some minutes; the next one goes on where it ended.
    loop {
        let ask = WatchAuditRecordsRequest {
            filter: Some(filter.clone()),
            after_sequence: after,
        };
        let mut news = client.watch_audit_records(ask).await?.into_inner();
        while let Some(new) = news.message().await? {
            for record in &new.records {
                write_line(&line(session, record)?)?;
            }
            after = Some(new.sequence);
        }
    }
}

fn line(session: &Session, record: &AuditRecord) -> Result<String, Failure> {
    if session.print.is_json() {
        return session.print.line(record);
    }
    let actor = record.actor.clone().unwrap_or_default();
    let parts = [
        time(record.occur_time.as_ref()),
        record.action.clone(),
        super::by(record).to_owned(),
        actor.address,
        record.target_id.clone(),
        super::changes(record),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Ok(crate::print::clean(&parts.join("  ")))
}

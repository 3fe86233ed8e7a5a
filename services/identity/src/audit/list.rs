//! Lists audit records, oldest first.

use chrono::DateTime;
use contract::identity::{AuditFilter, ListAuditRecordsRequest, ListAuditRecordsResponse};
use rpc::{Caller, Error};
use uuid::Uuid;

use super::filter;
use crate::{Identity, db, db::audit_records::Filter, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListAuditRecordsRequest,
) -> Result<ListAuditRecordsResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let time = page.part(0)?.unwrap_or_default();
    let place = (
        DateTime::from_timestamp_micros(time).unwrap_or_default(),
        page.part(1)?.unwrap_or(Uuid::nil()),
    );
    let filter = wanted(ask)?;
    let mut tx = app.store.read(caller).await?;
    // Counted once, and carried from page to page.
    let count = match page.part(2)? {
        Some(count) => count,
        None if filter == Filter::default() => db::audit_heads::find(&mut tx, tenant)
            .await?
            .map_or(0, |head| head.sequence),
        None => db::audit_records::count(&mut tx, tenant, &filter).await?,
    };
    let (backward, limit) = (page.backward(), page.limit());
    let rows = db::audit_records::list(&mut tx, tenant, &filter, place, backward, limit).await?;
    let (rows, next_page_token, previous_page_token) = page.close(rows, |row| {
        vec![
            row.occur_time.timestamp_micros().to_string(),
            row.id.to_string(),
            count.to_string(),
        ]
    });
    let records: Result<_, Error> = rows.into_iter().map(TryInto::try_into).collect();
    Ok(ListAuditRecordsResponse {
        records: records?,
        next_page_token,
        previous_page_token,
        total_size: total(count),
    })
}

fn wanted(ask: ListAuditRecordsRequest) -> Result<Filter, Error> {
    filter::read(AuditFilter {
        actor_user_id: ask.actor_user_id,
        target_id: ask.target_id,
        actions: ask.actions,
        start_time: ask.start_time,
        end_time: ask.end_time,
        address: ask.address,
        request: ask.request,
    })
}

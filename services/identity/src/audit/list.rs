//! Lists audit records, oldest first.

use chrono::{DateTime, Utc};
use contract::identity::{ListAuditRecordsRequest, ListAuditRecordsResponse};
use prost::Message as _;
use prost_types::Timestamp;
use rpc::{Caller, Error};
use store::Page;
use uuid::Uuid;

use crate::{Identity, db, db::audit_records::Filter, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListAuditRecordsRequest,
) -> Result<ListAuditRecordsResponse, Error> {
    let tenant = caller.tenant()?;
    let filter = filter(&ask)?;
    let (size, token) = (ask.page_size, ask.page_token.clone());
    let question = ListAuditRecordsRequest {
        page_size: 0,
        page_token: String::new(),
        ..ask
    }
    .encode_to_vec();
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListAuditRecords",
        size,
        &token,
        &question,
    )?;
    let place = match page.after() {
        Some([micros, id]) => (
            DateTime::from_timestamp_micros(micros.parse()?).unwrap_or_default(),
            id.parse()?,
        ),
        _ => (DateTime::UNIX_EPOCH, Uuid::nil()),
    };

    let mut tx = app.store.read(caller).await?;
    let rows = db::audit_records::list(
        &mut tx,
        tenant,
        &filter,
        place,
        page.backward(),
        page.limit(),
    )
    .await?;
    let total_size = total(db::audit_records::count(&mut tx, tenant, &filter).await?);
    let (rows, next_page_token, previous_page_token) = page.close(rows, |row| {
        vec![
            row.occur_time.timestamp_micros().to_string(),
            row.id.to_string(),
        ]
    });
    let records = rows.into_iter().map(Into::into).collect();
    Ok(ListAuditRecordsResponse {
        records,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

fn filter(ask: &ListAuditRecordsRequest) -> Result<Filter, Error> {
    let id = |text: &str| {
        if text.is_empty() {
            None
        } else {
            Some(text.parse::<Uuid>())
        }
    };
    Ok(Filter {
        actor: id(&ask.actor_user_id).transpose()?,
        target: id(&ask.target_id).transpose()?,
        actions: (!ask.actions.is_empty()).then(|| ask.actions.clone()),
        start: time("start_time", ask.start_time)?,
        end: time("end_time", ask.end_time)?,
    })
}

fn time(field: &str, given: Option<Timestamp>) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(given) = given else {
        return Ok(None);
    };
    let nanos = u32::try_from(given.nanos).ok();
    let time = nanos.and_then(|nanos| DateTime::from_timestamp(given.seconds, nanos));
    // What Postgres has no timestamp for is no time of ours either.
    match time.filter(|time| (1970..10_000).contains(&chrono::Datelike::year(time))) {
        Some(time) => Ok(Some(time)),
        None => Err(Error::field(field, "is no time from 1970 on")),
    }
}

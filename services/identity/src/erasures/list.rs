//! Lists deleted users, oldest first.

use chrono::DateTime;
use contract::identity::{ListErasuresRequest, ListErasuresResponse};
use rpc::{Caller, Error};

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListErasuresRequest,
) -> Result<ListErasuresResponse, Error> {
    let (tenant, pending) = (caller.tenant()?, ask.pending);
    let page = app.store.page(caller, &ask)?;
    let time = DateTime::from_timestamp_micros(page.part(0)?.unwrap_or_default());
    let place = (time.unwrap_or_default(), page.part(1)?.unwrap_or_default());

    let mut tx = app.store.read(caller).await?;
    let rows = db::erasures::list(
        &mut tx,
        tenant,
        pending,
        place,
        page.backward(),
        page.limit(),
    )
    .await?;
    let total_size = total(db::erasures::count(&mut tx, tenant, pending).await?);
    let (rows, next_page_token, previous_page_token) = page.close(rows, |row| {
        let micros = row.create_time.timestamp_micros();
        vec![micros.to_string(), row.user_id.to_string()]
    });
    Ok(ListErasuresResponse {
        erasures: rows.into_iter().map(Into::into).collect(),
        next_page_token,
        previous_page_token,
        total_size,
    })
}

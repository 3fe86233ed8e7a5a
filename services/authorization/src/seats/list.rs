//! `ListSeats`.

use contract::licensing::{ListSeatsRequest, ListSeatsResponse, Seat};
use rpc::{Caller, Error, Id};
use uuid::Uuid;

use crate::db::seats::Holder;
use crate::{Authorization, db, timestamp, total};

/// Reads one page.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ListSeatsRequest,
) -> Result<ListSeatsResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let after = page.part(0)?.unwrap_or(Id::from_uuid(Uuid::nil()));
    let mut tx = app.store.read(caller).await?;
    let rows = db::seats::page(&mut tx, tenant, after, page.backward(), page.limit()).await?;
    let total_size = total(db::seats::count_holders(&mut tx, tenant).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |seat| vec![seat.user_id.to_string()]);
    let seats = rows.into_iter().map(Into::into).collect();
    Ok(ListSeatsResponse {
        seats,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

impl From<Holder> for Seat {
    fn from(holder: Holder) -> Self {
        Self {
            user_id: holder.user_id.to_string(),
            pending: holder.pending,
            suspended: holder.suspended,
            start_time: Some(timestamp(holder.start_time)),
        }
    }
}

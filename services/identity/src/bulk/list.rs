//! Lists operations, newest first.

use contract::identity::{ListBulkOperationsRequest, ListBulkOperationsResponse};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListBulkOperationsRequest,
) -> Result<ListBulkOperationsResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let place = page.part(0)?.unwrap_or(Uuid::max());
    let mut tx = app.store.read(caller).await?;
    let rows =
        db::bulk_operations::list(&mut tx, tenant, place, page.backward(), page.limit()).await?;
    let total_size = total(db::bulk_operations::count(&mut tx, tenant).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.id.to_string()]);
    Ok(ListBulkOperationsResponse {
        bulk_operations: rows.into_iter().map(Into::into).collect(),
        next_page_token,
        previous_page_token,
        total_size,
    })
}

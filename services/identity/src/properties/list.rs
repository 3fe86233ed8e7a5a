//! Lists properties by name.

use contract::identity::{ListPropertiesRequest, ListPropertiesResponse};
use rpc::{Caller, Error};

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListPropertiesRequest,
) -> Result<ListPropertiesResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let after: String = page.part(0)?.unwrap_or_default();
    let mut tx = app.store.read(caller).await?;
    let rows = db::properties::list(&mut tx, tenant, &after, page.backward(), page.limit()).await?;
    let total_size = total(db::properties::count(&mut tx, tenant).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.name.clone()]);
    Ok(ListPropertiesResponse {
        properties: rows.into_iter().map(Into::into).collect(),
        next_page_token,
        previous_page_token,
        total_size,
    })
}

//! Lists domains by name.

use contract::identity::{ListDomainsRequest, ListDomainsResponse};
use rpc::{Caller, Error};

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListDomainsRequest,
) -> Result<ListDomainsResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let after: String = page.part(0)?.unwrap_or_default();
    let mut tx = app.store.read(caller).await?;
    let rows = db::domains::list(&mut tx, tenant, &after, page.backward(), page.limit()).await?;
    let total_size = total(db::domains::count(&mut tx, tenant).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.name.clone()]);
    Ok(ListDomainsResponse {
        domains: rows.into_iter().map(Into::into).collect(),
        next_page_token,
        previous_page_token,
        total_size,
    })
}

//! Lists all tenants by name, for an operator of the platform.

use contract::identity::{ListTenantsRequest, ListTenantsResponse};
use rpc::{Caller, Error};
use store::Page;

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListTenantsRequest,
) -> Result<ListTenantsResponse, Error> {
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListTenants",
        ask.page_size,
        &ask.page_token,
        b"",
    )?;
    let place = match page.after() {
        Some([name]) => name.as_str(),
        _ => "",
    };
    let mut tx = app.store.worker().await?;
    let rows = db::tenants::list(&mut tx, place, page.backward(), page.limit()).await?;
    let total_size = total(db::tenants::count(&mut tx).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.name.clone()]);
    let tenants = rows.into_iter().map(Into::into).collect();
    Ok(ListTenantsResponse {
        tenants,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

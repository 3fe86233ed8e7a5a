//! `ListRoles`.

use contract::authorization::{ListRolesRequest, ListRolesResponse};
use rpc::{Caller, Error};
use store::Page;

use crate::{Authorization, db, total};

/// Reads one page.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ListRolesRequest,
) -> Result<ListRolesResponse, Error> {
    let tenant = caller.tenant()?;
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListRoles",
        ask.page_size,
        &ask.page_token,
        &[],
    )?;
    let after = db::after(&page, 0, String::new())?;
    let mut tx = app.store.read(caller).await?;
    let rows = db::roles::page(&mut tx, tenant, &after, page.backward(), page.limit()).await?;
    let total_size = total(db::roles::count(&mut tx, tenant).await?);
    let rows = db::nearest_first(&page, rows);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |role| vec![role.sort_key.clone()]);
    let roles = rows.into_iter().map(Into::into).collect();
    Ok(ListRolesResponse {
        roles,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

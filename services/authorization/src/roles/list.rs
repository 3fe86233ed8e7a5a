//! `ListRoles`.

use contract::authorization::{ListRolesRequest, ListRolesResponse};
use rpc::{Caller, Error};

use crate::{Authorization, db, total};

/// Reads one page.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ListRolesRequest,
) -> Result<ListRolesResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let after: String = page.part(0)?.unwrap_or_default();
    let mut tx = app.store.read(caller).await?;
    let rows = db::roles::page(&mut tx, tenant, &after, page.backward(), page.limit()).await?;
    let total_size = total(db::roles::count(&mut tx, tenant).await?);
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

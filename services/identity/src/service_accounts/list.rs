//! Lists service accounts by name.

use contract::identity::{ListServiceAccountsRequest, ListServiceAccountsResponse};
use rpc::{Caller, Error};

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: &ListServiceAccountsRequest,
) -> Result<ListServiceAccountsResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, ask)?;
    let after: String = page.part(0)?.unwrap_or_default();
    let mut tx = app.store.read(caller).await?;
    let rows =
        db::service_accounts::list(&mut tx, tenant, &after, page.backward(), page.limit()).await?;
    let total_size = total(db::service_accounts::count(&mut tx, tenant).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.name_key.clone()]);
    let service_accounts = rows.into_iter().map(Into::into).collect();
    Ok(ListServiceAccountsResponse {
        service_accounts,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

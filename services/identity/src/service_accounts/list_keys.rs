//! Lists the keys of a service account, newest first.

use contract::identity::{ListApiKeysRequest, ListApiKeysResponse};
use rpc::{Caller, Error};

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: &ListApiKeysRequest,
) -> Result<ListApiKeysResponse, Error> {
    let (tenant, account) = (caller.tenant()?, ask.service_account_id.parse()?);
    let page = app.store.page(caller, ask)?;
    let place = page.part(0)?;
    let mut tx = app.store.read(caller).await?;
    super::read(&mut tx, tenant, account).await?;
    let rows = db::api_keys::list(
        &mut tx,
        tenant,
        account,
        place,
        page.backward(),
        page.limit(),
    )
    .await?;
    let total_size = total(db::api_keys::count(&mut tx, tenant, account).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.id.to_string()]);
    let api_keys = rows.into_iter().map(Into::into).collect();
    Ok(ListApiKeysResponse {
        api_keys,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

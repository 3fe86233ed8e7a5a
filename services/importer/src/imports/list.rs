//! Lists imports.

use contract::importer::{ListImportsRequest, ListImportsResponse};
use rpc::{Caller, Error};

use super::view;
use crate::{Importer, db::imports};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: ListImportsRequest,
) -> Result<ListImportsResponse, Error> {
    let tenant = caller.tenant()?.uuid();
    let page = app.store.page(caller, &ask)?;
    let after = page.part(0)?;
    let mut tx = app.store.read(caller).await?;
    let ids = imports::page(&mut tx, tenant, after, page.backward(), page.limit()).await?;
    let (ids, next_page_token, previous_page_token) = page.close(ids, |id| vec![id.to_string()]);
    let stored = imports::find_all(&mut tx, tenant, &ids).await?;
    let total_size = imports::count(&mut tx, tenant).await?.cast_unsigned();
    tx.done().await?;
    let imports = view::imports(app, caller, stored).await?;
    Ok(ListImportsResponse {
        imports,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

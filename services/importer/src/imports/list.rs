//! Lists imports.

use contract::importer::{ListImportsRequest, ListImportsResponse};
use rpc::{Caller, Error};
use store::Page;
use uuid::Uuid;

use super::view;
use crate::{Importer, db::imports};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: ListImportsRequest,
) -> Result<ListImportsResponse, Error> {
    let tenant = caller.tenant()?.uuid();
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListImports",
        ask.page_size,
        &ask.page_token,
        &[],
    )?;
    let at = page
        .after()
        .and_then(|key| key.first())
        .map(|id| Uuid::parse_str(id))
        .transpose()?;
    let mut tx = app.store.read(caller).await?;
    let ids = match at {
        Some(at) if page.backward() => imports::newer(&mut tx, tenant, at, page.limit()).await?,
        at => imports::older(&mut tx, tenant, at, page.limit()).await?,
    };
    let (ids, next_page_token, previous_page_token) = page.close(ids, |id| vec![id.to_string()]);
    let stored = imports::find_all(&mut tx, tenant, &ids).await?;
    let imports = view::imports(app, caller, &mut tx, stored).await?;
    let total_size = imports::count(&mut tx, tenant).await?.cast_unsigned();
    tx.done().await?;
    Ok(ListImportsResponse {
        imports,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

//! `ListProjects`.

use contract::authorization::{ListProjectsRequest, ListProjectsResponse};
use rpc::{Caller, Error};

use super::reach;
use crate::{Authorization, db, total};

/// Reads one page of the projects that the caller reaches.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ListProjectsRequest,
) -> Result<ListProjectsResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let after: String = page.part(0)?.unwrap_or_default();
    let reach = reach(app, caller).await?;
    let mut tx = app.store.read(caller).await?;
    let rows = db::projects::page(
        &mut tx,
        tenant,
        &reach,
        &after,
        page.backward(),
        page.limit(),
    )
    .await?;
    let total_size = total(db::projects::count(&mut tx, tenant, &reach).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |project| vec![project.sort_key.clone()]);
    let projects = rows.into_iter().map(Into::into).collect();
    Ok(ListProjectsResponse {
        projects,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

//! `ListRoleBindings`.

use contract::authorization::{ListRoleBindingsRequest, ListRoleBindingsResponse};
use rpc::{Caller, Error, Id};
use store::Page;
use uuid::Uuid;

use crate::db::bindings::Filter;
use crate::{Authorization, db, optional_id, total};

/// Reads one page.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ListRoleBindingsRequest,
) -> Result<ListRoleBindingsResponse, Error> {
    let tenant = caller.tenant()?;
    let filter = Filter {
        user: optional_id(&ask.user_id)?,
        project: optional_id(&ask.project_id)?,
        role: optional_id(&ask.role_id)?,
    };
    // The ids as sent: each is empty or of one length.
    let filters = [ask.user_id.as_str(), &ask.project_id, &ask.role_id].join("/");
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListRoleBindings",
        ask.page_size,
        &ask.page_token,
        filters.as_bytes(),
    )?;
    let first = Uuid::nil();
    let after = (
        db::after(&page, 0, Id::from_uuid(first))?,
        db::after(&page, 1, Id::from_uuid(first))?,
    );
    let mut tx = app.store.read(caller).await?;
    let rows = db::bindings::page(
        &mut tx,
        tenant,
        &filter,
        after,
        page.backward(),
        page.limit(),
    )
    .await?;
    let total_size = total(db::bindings::count(&mut tx, tenant, &filter).await?);
    let rows = db::nearest_first(&page, rows);
    let key = |row: &db::bindings::Row| vec![row.user_id.to_string(), row.id.to_string()];
    let (rows, next_page_token, previous_page_token) = page.close(rows, key);
    let bindings = rows.iter().map(Into::into).collect();
    Ok(ListRoleBindingsResponse {
        bindings,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

//! `ListRoleBindings`.

use contract::authorization::{ListRoleBindingsRequest, ListRoleBindingsResponse};
use rpc::{Caller, Error, Id};
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
    let page = app.store.page(caller, &ask)?;
    let after = (
        page.part(0)?.unwrap_or(Id::from_uuid(Uuid::nil())),
        page.part(1)?.unwrap_or(Id::from_uuid(Uuid::nil())),
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

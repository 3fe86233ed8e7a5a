//! `ListGroupMembers`.

use contract::authorization::{ListGroupMembersRequest, ListGroupMembersResponse};
use rpc::{Caller, Error, Id};
use uuid::Uuid;

use super::not_found;
use crate::{Authorization, db, total};

/// Reads one page.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ListGroupMembersRequest,
) -> Result<ListGroupMembersResponse, Error> {
    let tenant = caller.tenant()?;
    let group = ask.group_id.parse()?;
    let page = app.store.page(caller, &ask)?;
    let after = page.part(0)?.unwrap_or(Id::from_uuid(Uuid::nil()));
    let mut tx = app.store.read(caller).await?;
    db::groups::get(&mut tx, tenant, group)
        .await?
        .ok_or_else(not_found)?;
    let rows =
        db::groups::members(&mut tx, tenant, group, after, page.backward(), page.limit()).await?;
    let total_size = total(db::groups::count_members(&mut tx, tenant, group).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |user| vec![user.to_string()]);
    let user_ids = rows.iter().map(ToString::to_string).collect();
    Ok(ListGroupMembersResponse {
        user_ids,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

//! Removes users that are still invited.

use contract::identity::{RemoveInvitedUsersRequest, RemoveInvitedUsersResponse};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{Identity, db, erasures};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RemoveInvitedUsersRequest,
) -> Result<RemoveInvitedUsersResponse, Error> {
    let tenant = caller.tenant()?;
    let ids = ask
        .user_ids
        .iter()
        .map(|id| id.parse())
        .collect::<Result<Vec<Uuid>, _>>()?;
    let mut tx = app.store.tenant(tenant, caller).await?;
    for user in db::users::remove_invited(&mut tx, tenant, &ids).await? {
        erasures::begin(&mut tx, tenant, user).await?;
    }
    tx.done().await?;
    Ok(RemoveInvitedUsersResponse {})
}

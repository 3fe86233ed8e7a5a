//! `RemoveGroupMember`.

use contract::authorization::{
    GroupMemberRemoved, RemoveGroupMemberRequest, RemoveGroupMemberResponse,
};
use rpc::{Caller, Error};

use super::not_found;
use crate::bindings::{Authority, user_not_found};
use crate::revisions::announce;
use crate::{Authorization, db, provisioning};

/// Lets a user out. Who leaves the Default Group keeps the projects there are
/// (requirement A-08); who was only waiting to join never had any.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: RemoveGroupMemberRequest,
) -> Result<RemoveGroupMemberResponse, Error> {
    let tenant = caller.tenant()?;
    let (group, user) = (ask.group_id.parse()?, ask.user_id.parse()?);
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let revision = db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    let found = db::groups::get(&mut tx, tenant, group)
        .await?
        .ok_or_else(not_found)?;
    if !db::subjects::exists(&mut tx, tenant, user).await? {
        return Err(user_not_found());
    }
    if found.is_default {
        Authority::of(&mut tx, caller, &[])
            .await?
            .covers_all_projects()?;
    }
    if !db::groups::is_member(&mut tx, tenant, group, user).await? {
        return tx
            .commit(RemoveGroupMemberResponse {
                revision: revision.to_string(),
            })
            .await;
    }
    let revision = db::tenants::advance(&mut tx, tenant, 1).await?;
    if !db::groups::forget(&mut tx, tenant, group, user, found.is_default).await? {
        db::groups::leave(&mut tx, tenant, group, user, revision).await?;
    }
    let revision = revision.to_string();
    let fact = GroupMemberRemoved {
        group_id: ask.group_id,
        user_id: ask.user_id,
        revision: revision.clone(),
    };
    announce(&app.cache, &mut tx, fact);
    tx.commit(RemoveGroupMemberResponse { revision }).await
}

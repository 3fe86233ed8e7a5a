//! `AddGroupMember`.

use contract::authorization::{AddGroupMemberRequest, AddGroupMemberResponse, GroupMemberAdded};
use rpc::{Caller, Error};

use super::not_found;
use crate::bindings::{Authority, begin_about};
use crate::revisions::announce;
use crate::{Authorization, db, provisioning};

/// Lets a user in. Who opens all projects to somebody must reach them all.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: AddGroupMemberRequest,
) -> Result<AddGroupMemberResponse, Error> {
    let tenant = caller.tenant()?;
    let (group, user) = (ask.group_id.parse()?, ask.user_id.parse()?);
    let (mut tx, target) = begin_about(app, caller, &ask, user).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let revision = db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    target.settle(&mut tx, tenant).await?;
    let found = db::groups::get(&mut tx, tenant, group)
        .await?
        .ok_or_else(not_found)?;
    if found.is_default {
        Authority::of(&mut tx, caller, &[])
            .await?
            .covers_all_projects()?;
    }
    if !db::groups::join(&mut tx, tenant, group, user).await? {
        return tx
            .commit(AddGroupMemberResponse {
                revision: revision.to_string(),
            })
            .await;
    }
    let revision = db::tenants::advance(&mut tx, tenant, 1).await?.to_string();
    let fact = GroupMemberAdded {
        group_id: ask.group_id,
        user_id: ask.user_id,
        revision: revision.clone(),
    };
    announce(&app.cache, &mut tx, fact);
    tx.commit(AddGroupMemberResponse { revision }).await
}

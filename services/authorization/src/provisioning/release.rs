//! `ReleaseGrants`.

use std::collections::BTreeMap;

use contract::authorization::{GrantsReleased, ReleaseGrantsRequest, ReleaseGrantsResponse};
use rpc::{Caller, Error};

use super::unprepared;
use crate::revisions::announce;
use crate::{Authorization, db, ids};

/// Takes back what waits; what is live stays.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ReleaseGrantsRequest,
) -> Result<ReleaseGrantsResponse, Error> {
    let tenant = caller.tenant()?;
    let users = ids(&ask.user_ids)?;
    let mut tx = app.store.begin(caller, &ask).await?;
    let mut revision = db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(unprepared)?;
    let mut released: BTreeMap<_, GrantsReleased> = BTreeMap::new();
    for gone in db::bindings::delete_pending(&mut tx, tenant, &users).await? {
        let fact = released.entry(gone.user_id).or_default();
        fact.roles.push(gone.into());
    }
    for (user, group) in db::groups::forget_pending(&mut tx, tenant, &users).await? {
        let fact = released.entry(user).or_default();
        fact.group_ids.push(group.to_string());
    }
    if !released.is_empty() {
        db::seats::free(&mut tx, tenant, &users).await?;
        let count = i64::try_from(released.len())?;
        revision = db::tenants::advance(&mut tx, tenant, count).await?;
        for (revision, (user, fact)) in (revision - count + 1..).zip(released) {
            let fact = GrantsReleased {
                user_id: user.to_string(),
                revision: revision.to_string(),
                ..fact
            };
            announce(&app.cache, &mut tx, fact);
        }
    }
    tx.commit(ReleaseGrantsResponse {
        revision: revision.to_string(),
    })
    .await
}

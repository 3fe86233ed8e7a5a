//! `ActivateGrants`.

use contract::authorization::{ActivateGrantsRequest, ActivateGrantsResponse, GrantsActivated};
use rpc::{Caller, Error};

use super::unprepared;
use crate::revisions::announce;
use crate::{Authorization, db};

/// Makes what waits live; the seat stays the same seat.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ActivateGrantsRequest,
) -> Result<ActivateGrantsResponse, Error> {
    let tenant = caller.tenant()?;
    let user = ask.user_id.parse()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    let mut revision = db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(unprepared)?;
    let bindings = db::bindings::activate(&mut tx, tenant, user).await?;
    let memberships = db::groups::activate(&mut tx, tenant, user).await?;
    if bindings + memberships > 0 {
        revision = db::tenants::advance(&mut tx, tenant, 1).await?;
        let fact = GrantsActivated {
            user_id: ask.user_id,
            revision: revision.to_string(),
        };
        announce(&app.cache, &mut tx, fact);
    }
    tx.commit(ActivateGrantsResponse {
        revision: revision.to_string(),
    })
    .await
}

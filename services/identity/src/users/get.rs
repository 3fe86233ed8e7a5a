//! Answers one user.

use contract::{
    Id,
    identity::{GetUserRequest, GetUserResponse, User},
};
use rpc::{Caller, Error};

use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: GetUserRequest,
) -> Result<GetUserResponse, Error> {
    let mut tx = match ask.user_id.as_str() {
        // One's own account is where one lives, wherever one acts.
        "" => {
            app.store
                .tenant(caller.home.map_or_else(|| caller.tenant(), Ok)?, caller)
                .await?
        }
        _ => app.store.read(caller).await?,
    };
    let id: Id<User> = if ask.user_id.is_empty() {
        caller.user()?
    } else {
        ask.user_id.parse()?
    };
    let tenant = tx.tenant_id().map_or_else(|| caller.tenant(), Ok)?;
    Ok(GetUserResponse {
        user: Some(super::read(&mut tx, tenant, id).await?),
    })
}

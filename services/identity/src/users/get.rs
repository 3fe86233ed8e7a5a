//! Answers one user.

use contract::identity::{GetUserRequest, GetUserResponse};
use rpc::{Caller, Error};

use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: GetUserRequest,
) -> Result<GetUserResponse, Error> {
    let (tenant, id) = caller.whose(&ask.user_id)?;
    let mut tx = app.store.read(&caller.acting_in(tenant)).await?;
    Ok(GetUserResponse {
        user: Some(super::read(&mut tx, tenant, id).await?),
    })
}

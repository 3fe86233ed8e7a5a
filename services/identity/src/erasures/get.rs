//! Answers what became of the data of one deleted user.

use contract::identity::{GetErasureRequest, GetErasureResponse};
use rpc::{Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: GetErasureRequest,
) -> Result<GetErasureResponse, Error> {
    let mut tx = app.store.read(caller).await?;
    let row = db::erasures::get(&mut tx, caller.tenant()?, ask.user_id.parse()?)
        .await?
        .ok_or_else(super::not_found)?;
    Ok(GetErasureResponse {
        erasure: Some(row.into()),
    })
}

//! Answers one operation.

use contract::identity::{GetBulkOperationRequest, GetBulkOperationResponse};
use rpc::{Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: GetBulkOperationRequest,
) -> Result<GetBulkOperationResponse, Error> {
    let id = ask.bulk_operation_id.parse()?;
    let mut tx = app.store.read(caller).await?;
    let row = db::bulk_operations::get(&mut tx, caller.tenant()?, id)
        .await?
        .ok_or_else(super::not_found)?;
    Ok(GetBulkOperationResponse {
        bulk_operation: Some(row.into()),
    })
}

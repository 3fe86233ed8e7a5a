//! Stops an operation. The worker begins no user after this commit: its next
//! transaction finds the operation over.

use contract::identity::{BulkOperation, CancelBulkOperationRequest, CancelBulkOperationResponse};
use rpc::{Caller, Error};

use super::action;
use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CancelBulkOperationRequest,
) -> Result<CancelBulkOperationResponse, Error> {
    let (tenant, id) = (caller.tenant()?, ask.bulk_operation_id.parse()?);
    let mut tx = app.store.read(caller).await?;
    let row = db::bulk_operations::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    drop(tx);
    action::demand(app, caller, action::named(&row.action)?).await?;

    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let stopped = db::bulk_operations::end(&mut tx, tenant, id, None, "CANCELLED").await?;
    let row = db::bulk_operations::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    let operation = BulkOperation::from(row);
    if stopped {
        tx.publish(super::ended(&operation));
    }
    tx.commit(CancelBulkOperationResponse {
        bulk_operation: Some(operation),
    })
    .await
}

//! Deletes a service account for good. What other services hold of it goes when
//! they hear of it.

use contract::{
    Id,
    identity::{
        DeleteServiceAccountRequest, DeleteServiceAccountResponse, ErrorReason, Event,
        ServiceAccount, ServiceAccountDeleted,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, db, sessions};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: DeleteServiceAccountRequest,
) -> Result<DeleteServiceAccountResponse, Error> {
    let (tenant, id): (_, Id<ServiceAccount>) = (caller.tenant()?, ask.service_account_id.parse()?);
    if caller.user == Some(super::subject(id)) {
        return Err(ErrorReason::OwnAccount.because("nobody deletes their own account"));
    }
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    super::may_change(app, caller, id).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    // Its keys hang on the row.
    db::service_accounts::delete(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    sessions::forget(app, &mut tx, id);
    tx.publish(Event::from(ServiceAccountDeleted {
        service_account_id: id.to_string(),
    }));
    tx.commit(DeleteServiceAccountResponse {}).await
}

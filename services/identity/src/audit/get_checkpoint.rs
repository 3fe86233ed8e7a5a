//! Answers a checkpoint of the trail as it is now.

use chrono::DateTime;
use contract::identity::{ErrorReason, GetAuditCheckpointResponse};
use rpc::{Because as _, Caller, Error};

use super::chain;
use crate::{Identity, db, db::audit_heads::Row as Head};

pub async fn run(app: &Identity, caller: &Caller) -> Result<GetAuditCheckpointResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.read(caller).await?;
    let head = db::audit_heads::find(&mut tx, tenant).await?;
    let head = head.unwrap_or_else(|| {
        let mut none = Head {
            sequence: 0,
            hash: chain::START.to_vec(),
            seal_time: DateTime::UNIX_EPOCH,
            signature: Vec::new(),
        };
        none.signature = app.sealer.sign(tenant, &none);
        none
    });
    if !app.sealer.left(tenant, &head) {
        return Err(ErrorReason::AuditTrailBroken.because(
            "the end of the audit trail is not as it was left: it was changed in Postgres",
        ));
    }
    Ok(GetAuditCheckpointResponse {
        checkpoint: Some(app.sealer.checkpoint(tenant, &head)),
    })
}

//! Lists the checkpoints that were made by the clock, oldest first.

use contract::identity::{ListAuditCheckpointsRequest, ListAuditCheckpointsResponse};
use rpc::{Caller, Error};

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListAuditCheckpointsRequest,
) -> Result<ListAuditCheckpointsResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let after = page.part(0)?.unwrap_or_default();
    let (backward, limit) = (page.backward(), page.limit());
    let mut tx = app.store.read(caller).await?;
    let rows = db::audit_checkpoints::list(&mut tx, tenant, after, backward, limit).await?;
    let total_size = total(db::audit_checkpoints::count(&mut tx, tenant).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.sequence.to_string()]);
    let checkpoints = rows.iter().map(|row| app.sealer.checkpoint(tenant, row));
    Ok(ListAuditCheckpointsResponse {
        checkpoints: checkpoints.collect(),
        next_page_token,
        previous_page_token,
        total_size,
    })
}

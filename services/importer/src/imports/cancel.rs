//! Stops a commit, or gives up a review.

use contract::{
    Id,
    importer::{CancelImportRequest, CancelImportResponse, Event, Import, ImportCancelled},
};
use rpc::{Caller, Error};

use crate::{Importer, db, imports};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: CancelImportRequest,
) -> Result<CancelImportResponse, Error> {
    let id: Id<Import> = ask.import_id.parse()?;
    let tenant = caller.tenant()?.uuid();
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::imports::lock(&mut tx, tenant, id.uuid())
        .await?
        .ok_or_else(imports::not_found)?;
    // The worker ends a commit at its next checkpoint: what it is at has to get
    // its outcome first.
    if db::commits::cancel(&mut tx, tenant, id.uuid()).await? {
        tx.publish(Event::from(ImportCancelled {
            import_id: ask.import_id,
        }));
        let ended = app.ended.clone();
        tx.after_commit(move || drop(ended.send(id.uuid())));
    }
    let stored = db::imports::find(&mut tx, tenant, id.uuid())
        .await?
        .ok_or_else(imports::not_found)?;
    tx.commit(CancelImportResponse {
        import: Some(imports::plain(&stored, Vec::new())),
    })
    .await
}

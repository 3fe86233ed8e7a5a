//! Answers one import.

use contract::{
    Id,
    importer::{GetImportRequest, GetImportResponse, Import},
};
use rpc::{Caller, Error};

use super::view;
use crate::{Importer, db, imports};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: GetImportRequest,
) -> Result<GetImportResponse, Error> {
    let id: Id<Import> = ask.import_id.parse()?;
    let mut tx = app.store.read(caller).await?;
    let stored = db::imports::find(&mut tx, caller.tenant()?.uuid(), id.uuid()).await?;
    tx.done().await?;
    let import = view::import(app, caller, stored.ok_or_else(imports::not_found)?).await?;
    Ok(GetImportResponse {
        import: Some(import),
    })
}

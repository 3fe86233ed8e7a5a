//! Takes in a file and reads it into a preview.

use contract::{
    Id, errors,
    importer::{Event, Import, ImportUploaded, UploadImportRequest, UploadImportResponse},
};
use rpc::{Because as _, Caller, Error};
use store::Tx;
use tokio::{sync::mpsc, task::spawn_blocking};
use tonic::Streaming;
use uuid::Uuid;

use super::spool::{self, Spooled};
use crate::{
    Importer, db, imports, people,
    reading::{self, Format, Roles, Row},
    roles,
};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    parts: Streaming<UploadImportRequest>,
) -> Result<UploadImportResponse, Error> {
    let _permit = app.uploads.try_acquire().map_err(|_| {
        errors::ErrorReason::Overloaded
            .because("as many files are being read as the service takes; try again later")
    })?;
    let mut spooled = spool::take(&app.config.spool_dir, parts).await?;
    let roles = roles::of_tenant(app, caller).await?;
    let mut tx = app.store.tenant(caller.tenant()?, caller).await?;
    if let Some(import) = repeated(caller, &spooled, &mut tx).await? {
        return answer(app, caller, tx, import).await;
    }
    let id = Id::<Import>::new().uuid();
    let file = spooled.file.try_clone()?;
    let format = stage(app, caller, &mut tx, id, file, roles).await?;
    if !insert(caller, &mut spooled, &mut tx, id, &format).await? {
        // The same upload came in twice at a time, and the other one is done.
        drop(tx);
        let mut tx = app.store.tenant(caller.tenant()?, caller).await?;
        let import = repeated(caller, &spooled, &mut tx)
            .await?
            .ok_or_else(imports::not_found)?;
        return answer(app, caller, tx, import).await;
    }
    let tenant = caller.tenant()?.uuid();
    db::imports::recount(&mut tx, tenant, id).await?;
    let stored = db::imports::find(&mut tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    let import = imports::view(app, caller, &mut tx, stored).await?;
    let (file_name, counts) = (import.file_name.clone(), import.counts);
    tx.publish(Event::from(ImportUploaded {
        import_id: id.to_string(),
        file_name,
        counts,
    }));
    tx.commit(UploadImportResponse {
        import: Some(import),
    })
    .await
}

/// The import that the same upload made before.
async fn repeated(caller: &Caller, spooled: &Spooled, tx: &mut Tx) -> Result<Option<Uuid>, Error> {
    let Some(request) = request_id(spooled)? else {
        return Ok(None);
    };
    let (tenant, user) = (caller.tenant()?.uuid(), caller.user()?.uuid());
    match db::imports::by_request(tx, tenant, user, request).await? {
        None => Ok(None),
        Some(before)
            if before.file_hash == spooled.hash && before.file_name == spooled.header.file_name =>
        {
            Ok(Some(before.id))
        }
        Some(_) => {
            let why = "this request id was used before, with another file";
            Err(errors::ErrorReason::RequestIdReused.because(why))
        }
    }
}

fn request_id(spooled: &Spooled) -> Result<Option<Uuid>, Error> {
    let id = &spooled.header.request_id;
    Ok(if id.is_empty() {
        None
    } else {
        Some(Uuid::parse_str(id)?)
    })
}

async fn answer(
    app: &Importer,
    caller: &Caller,
    mut tx: Tx,
    id: Uuid,
) -> Result<UploadImportResponse, Error> {
    let stored = db::imports::find(&mut tx, caller.tenant()?.uuid(), id)
        .await?
        .ok_or_else(imports::not_found)?;
    let import = imports::view(app, caller, &mut tx, stored).await?;
    tx.done().await?;
    Ok(UploadImportResponse {
        import: Some(import),
    })
}

/// Reads the file on a thread of its own and stages its rows as they come, so
/// that neither the whole file nor the whole table is ever in memory.
async fn stage(
    app: &Importer,
    caller: &Caller,
    tx: &mut Tx,
    import: Uuid,
    mut file: std::fs::File,
    roles: Roles,
) -> Result<Format, Error> {
    let tenant = caller.tenant()?.uuid();
    let (hand, mut chunks) = mpsc::channel::<Vec<Row>>(2);
    let reader = spawn_blocking(move || {
        reading::read(&mut file, &roles, &mut |rows| {
            hand.blocking_send(rows).is_ok()
        })
    });
    while let Some(rows) = chunks.recv().await {
        let addresses = rows
            .iter()
            .map(|row| row.judged.fields.email.to_ascii_lowercase())
            .collect();
        let existing = people::existing(app, caller, addresses).await?;
        db::rows::insert(tx, tenant, import, &rows, &existing).await?;
    }
    reader.await?
}

async fn insert(
    caller: &Caller,
    spooled: &mut Spooled,
    tx: &mut Tx,
    id: Uuid,
    format: &Format,
) -> Result<bool, Error> {
    let new = db::imports::New {
        id,
        file_name: &spooled.header.file_name,
        file_hash: &spooled.hash,
        upload_user_id: caller.user()?.uuid(),
        request_id: request_id(spooled)?,
        encoding: format.encoding,
        delimiter: format.delimiter.to_string(),
        byte_order_mark: format.byte_order_mark,
    };
    Ok(db::imports::insert(tx, caller.tenant()?.uuid(), &new).await?)
}

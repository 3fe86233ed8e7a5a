//! Takes in a file and reads it into a preview.
//!
//! The file is read twice. The first time finds out all that is to be known of
//! it, also of other services; the second time writes its rows in one
//! transaction, which so waits for nobody but Postgres. Neither the whole file
//! nor the whole table is ever in memory.

mod pass;

use std::{sync::Arc, time::Duration};

use contract::{
    Id, errors,
    importer::{
        ErrorReason, Event, Import, ImportUploaded, UploadImportRequest, UploadImportResponse,
    },
};
use rpc::{Because as _, Caller, Error};
use tokio::time::timeout;
use tonic::Streaming;
use uuid::Uuid;

use self::pass::{Known, know, write};
use super::{
    spool::{self, Spooled},
    view,
};
use crate::{Importer, db, imports, people, reading::Rules, roles, seats};

/// How long an upload may take, from its first byte to the reply.
const LONGEST: Duration = Duration::from_mins(10);
/// Imports that a tenant has in review, or a few more where uploads meet: their
/// rows are kept until somebody decides.
const REVIEWS: i64 = 20;

pub async fn run(
    app: &Importer,
    caller: &Caller,
    parts: Streaming<UploadImportRequest>,
) -> Result<UploadImportResponse, Error> {
    let _place = app.uploads.take(caller.tenant()?.uuid()).ok_or_else(|| {
        let why = "the tenant has as many uploads under way as it may; wait for one to end";
        ErrorReason::TooManyUploads.because(why)
    })?;
    let upload = take_in(app, caller, parts);
    let import = timeout(LONGEST, upload).await.map_err(|_| {
        let why = "the upload took more than ten minutes";
        errors::ErrorReason::DeadlineExceeded.because(why)
    })??;
    Ok(UploadImportResponse {
        import: Some(import),
    })
}

async fn take_in(
    app: &Importer,
    caller: &Caller,
    parts: Streaming<UploadImportRequest>,
) -> Result<Import, Error> {
    let tenant = caller.tenant()?.uuid();
    let _room = app.spool.try_acquire().map_err(|_| {
        errors::ErrorReason::Overloaded
            .because("as many files are being read as the service takes; try again later")
    })?;
    let spooled = spool::take(&app.config.spool_dir, parts).await?;
    let mut tx = app.store.read(caller).await?;
    let before = repeated(&mut tx, caller, &spooled).await?;
    let reviews = db::imports::count_in_review(&mut tx, tenant).await?;
    tx.done().await?;
    if let Some(before) = before {
        return answer(app, caller, before).await;
    }
    if reviews >= REVIEWS {
        let why = format!("the tenant has {reviews} imports in review; commit or cancel one");
        return Err(ErrorReason::TooManyReviews.because(why));
    }
    let _reading = app.readings.acquire().await?;
    let rules = Arc::new(Rules {
        roles: roles::of_tenant(app, caller).await?,
        domains: people::domains(app, caller).await?,
    });
    let known = know(app, caller, spooled.file.try_clone()?, rules.clone()).await?;
    let seats = seats::of_tenant(app, caller).await?;

    let mut tx = app.store.tenant(caller.tenant()?, caller).await?;
    let id = Id::<Import>::new().uuid();
    if !insert(&mut tx, caller, id, &spooled, &known).await? {
        // The same upload came in twice at a time, and the other one is done.
        let before = repeated(&mut tx, caller, &spooled).await?;
        tx.done().await?;
        return answer(app, caller, before.ok_or_else(imports::not_found)?).await;
    }
    write(&mut tx, tenant, id, spooled.file, rules, &known).await?;
    let stored = db::imports::find(&mut tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    let mut import = view::counted(&mut tx, tenant, vec![stored], &seats).await?;
    let import = import.pop().ok_or_else(imports::not_found)?;
    tx.publish(Event::from(ImportUploaded {
        import_id: import.id.clone(),
        file_name: import.file_name.clone(),
        counts: import.counts,
    }));
    tx.done().await?;
    Ok(import)
}

/// The import that the same upload made before.
async fn repeated(
    db: &mut sqlx::PgConnection,
    caller: &Caller,
    spooled: &Spooled,
) -> Result<Option<Uuid>, Error> {
    let Some(request) = request_id(spooled)? else {
        return Ok(None);
    };
    let (tenant, user) = (caller.tenant()?.uuid(), caller.user()?.uuid());
    match db::imports::by_request(db, tenant, user, request).await? {
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

async fn answer(app: &Importer, caller: &Caller, id: Uuid) -> Result<Import, Error> {
    let mut tx = app.store.read(caller).await?;
    let stored = db::imports::find(&mut tx, caller.tenant()?.uuid(), id).await?;
    tx.done().await?;
    view::import(app, caller, stored.ok_or_else(imports::not_found)?).await
}

async fn insert(
    db: &mut sqlx::PgConnection,
    caller: &Caller,
    id: Uuid,
    spooled: &Spooled,
    known: &Known,
) -> Result<bool, Error> {
    let new = db::imports::New {
        id,
        file_name: &spooled.header.file_name,
        file_hash: &spooled.hash,
        upload_user_id: caller.user()?.uuid(),
        request_id: request_id(spooled)?,
        encoding: known.format.encoding,
        delimiter: known.format.delimiter.to_string(),
        byte_order_mark: known.format.byte_order_mark,
        counts: known.counts,
    };
    Ok(db::imports::insert(db, caller.tenant()?.uuid(), &new).await?)
}

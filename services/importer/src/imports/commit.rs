//! Begins a commit; the worker does it.

use std::sync::Arc;

use contract::{
    Id, errors,
    importer::{
        CommitImportRequest, CommitImportResponse, ErrorReason, Event, ExistingUserPolicy, Import,
        ImportCommitted,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{
    Importer,
    db::{self, commits::Terms},
    imports, seats,
};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: CommitImportRequest,
) -> Result<CommitImportResponse, Error> {
    let id: Id<Import> = ask.import_id.parse()?;
    let (tenant, user) = (caller.tenant()?.uuid(), caller.user()?.uuid());
    let seats = seats::of_tenant(app, caller).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let import = db::imports::lock(&mut tx, tenant, id.uuid())
        .await?
        .ok_or_else(imports::not_found)?;
    check(&import, &ask.etag)?;
    let terms = Terms {
        user,
        home: caller.home.map(|home| home.uuid()),
        address: caller.address.map(|address| address.to_string()),
        existing_users: match ask.existing_users() {
            ExistingUserPolicy::Fail => "FAIL",
            ExistingUserPolicy::Unspecified | ExistingUserPolicy::Skip => "SKIP",
        },
        without_mails: ask.without_mails,
        language: &ask.language,
        chunk_rows: app.config.import_chunk_rows.into(),
        over_seats: seats.over(&mut tx, tenant, &import).await?.rows,
    };
    if !db::commits::begin(&mut tx, tenant, import.id, &terms).await? {
        return Err(imports::review_over());
    }
    let import = db::imports::find(&mut tx, tenant, import.id)
        .await?
        .ok_or_else(imports::not_found)?;
    let counts = Some(imports::counts(&import));
    tx.publish(Event::from(ImportCommitted {
        import_id: import.id.to_string(),
        counts,
    }));
    let begun: Arc<_> = app.begun.clone();
    tx.after_commit(move || begun.notify_one());
    tx.commit(CommitImportResponse {
        import: Some(imports::plain(&import, Vec::new())),
    })
    .await
}

/// What is committed is what was reviewed, and the review is done.
fn check(import: &db::imports::Import, etag: &str) -> Result<(), Error> {
    if !imports::in_review(import) {
        return Err(imports::review_over());
    }
    let current = import.version.to_string();
    if !etag.is_empty() && etag != current {
        let why = "the import was changed since it was read";
        return Err(errors::ErrorReason::EtagMismatch
            .because(why)
            .with("etag", current));
    }
    if import.flagged > 0 {
        let why = format!(
            "{} rows name roles that the tenant does not have",
            import.flagged
        );
        return Err(ErrorReason::RowsFlagged.because(why.clone()).precondition(
            "ROWS_FLAGGED",
            import.id.to_string(),
            why,
        ));
    }
    Ok(())
}

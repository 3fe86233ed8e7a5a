//! An import as callers see it.

use chrono::{DateTime, Utc};
use contract::importer::{
    FileFormat, Import, ImportCounts, ImportProgress, ImportState, UnknownRole,
};
use prost_types::Timestamp;
use rpc::{Caller, Error};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Importer,
    db::{self, imports},
    seats::{self, Seats},
};

/// Whether rows can still be changed.
pub fn in_review(import: &imports::Import) -> bool {
    import.state == "REVIEW"
}

/// An import with what is counted when asked for. Outside of a transaction: it
/// may ask for the licence.
pub async fn import(
    app: &Importer,
    caller: &Caller,
    stored: imports::Import,
) -> Result<Import, Error> {
    let mut all = imports(app, caller, vec![stored]).await?;
    all.pop().ok_or_else(super::not_found)
}

/// The same for many, in their order.
pub async fn imports(
    app: &Importer,
    caller: &Caller,
    stored: Vec<imports::Import>,
) -> Result<Vec<Import>, Error> {
    if !stored.iter().any(in_review) {
        let over = stored.iter().map(|import| plain(import, Vec::new()));
        return Ok(over.collect());
    }
    let seats = seats::of_tenant(app, caller).await?;
    let mut tx = app.store.read(caller).await?;
    let all = counted(&mut tx, caller.tenant()?.uuid(), stored, &seats).await?;
    tx.done().await?;
    Ok(all)
}

/// The same in a transaction, with the seats at hand.
pub async fn counted(
    db: &mut PgConnection,
    tenant: Uuid,
    mut stored: Vec<imports::Import>,
    seats: &Seats,
) -> Result<Vec<Import>, Error> {
    let mut reviewed: Vec<&mut imports::Import> = stored
        .iter_mut()
        .filter(|import| in_review(import))
        .collect();
    seats.count_over(db, tenant, &mut reviewed).await?;
    let ids: Vec<Uuid> = reviewed.iter().map(|import| import.id).collect();
    let roles = db::rows::unknown_roles(db, tenant, &ids).await?;
    let unknown = |import: &imports::Import| {
        let unknown = roles.iter().filter(|role| role.import_id == import.id);
        let unknown = unknown.map(|role| UnknownRole {
            name: role.name.clone(),
            rows: size(role.rows),
        });
        unknown.collect()
    };
    Ok(stored
        .iter()
        .map(|import| plain(import, unknown(import)))
        .collect())
}

/// An import as stored: the seats are counted as of the commit.
pub fn plain(import: &imports::Import, unknown_roles: Vec<UnknownRole>) -> Import {
    Import {
        id: import.id.to_string(),
        file_name: import.file_name.clone(),
        state: state(import).into(),
        format: Some(FileFormat {
            encoding: import.encoding.clone(),
            delimiter: import.delimiter.clone(),
            byte_order_mark: import.byte_order_mark,
        }),
        counts: Some(counts(import)),
        unknown_roles,
        progress: Some(progress(import)),
        failure: import.failure.clone(),
        create_time: Some(timestamp(import.create_time)),
        end_time: import.end_time.map(timestamp),
        etag: import.version.to_string(),
    }
}

/// What is in a file.
pub fn counts(import: &imports::Import) -> ImportCounts {
    let (good, flagged, wrong) = (size(import.good), size(import.flagged), size(import.wrong));
    let (duplicate, blank, dropped) = (
        size(import.duplicate),
        size(import.blank),
        size(import.dropped),
    );
    let existing = size(import.existing);
    ImportCounts {
        total: good + flagged + wrong + duplicate + blank + dropped,
        good,
        flagged,
        wrong,
        duplicate,
        blank,
        dropped,
        existing,
        over_seats: size(import.over_seats),
        users: (good + flagged).saturating_sub(existing),
    }
}

/// How far a commit has come.
pub fn progress(import: &imports::Import) -> ImportProgress {
    let total = size(import.rows_total);
    let (created, skipped, failed) = (
        size(import.rows_created),
        size(import.rows_skipped),
        size(import.rows_failed),
    );
    let done = created + skipped + failed;
    let left = f64::from(total.saturating_sub(done));
    let busy = import.state == "COMMITTING" && import.rows_per_second > 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` keeps it within the bounds"
    )]
    let seconds_left = if busy {
        (left / import.rows_per_second).ceil() as u32
    } else {
        0
    };
    ImportProgress {
        total,
        done,
        created,
        skipped,
        failed,
        rows_per_second: import.rows_per_second,
        seconds_left,
    }
}

fn state(import: &imports::Import) -> ImportState {
    match import.state.as_str() {
        "COMMITTING" if import.cancelled => ImportState::Stopping,
        stored => ImportState::from_str_name(&format!("IMPORT_STATE_{stored}")).unwrap_or_default(),
    }
}

fn size(stored: impl TryInto<u32>) -> u32 {
    stored.try_into().unwrap_or_default()
}

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: time.timestamp_subsec_nanos().cast_signed(),
    }
}

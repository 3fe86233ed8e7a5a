//! The table `imports`, but for what belongs to a commit (see `commits`).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// An import as it is stored.
#[derive(Clone, Debug)]
pub struct Import {
    pub id: Uuid,
    pub file_name: String,
    pub state: String,
    /// A caller had the commit stopped.
    pub cancelled: bool,
    pub encoding: String,
    pub delimiter: String,
    pub byte_order_mark: bool,
    pub good: i32,
    pub flagged: i32,
    pub wrong: i32,
    pub duplicate: i32,
    pub blank: i32,
    pub dropped: i32,
    pub existing: i32,
    pub over_seats: i32,
    pub rows_total: i32,
    pub rows_created: i32,
    pub rows_skipped: i32,
    pub rows_failed: i32,
    pub rows_per_second: f64,
    pub failure: String,
    pub version: i64,
    pub create_time: DateTime<Utc>,
    pub end_time: Option<DateTime<Utc>>,
}

/// How many rows are what, or by how many more or fewer they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: i32,
    pub flagged: i32,
    pub wrong: i32,
    pub duplicate: i32,
    pub blank: i32,
    pub dropped: i32,
    /// Of the good and flagged ones, those of users.
    pub existing: i32,
}

impl Counts {
    /// One row more of this state; `by` -1 for one fewer.
    pub fn add(&mut self, state: &str, existing: bool, by: i32) {
        let count = match state {
            "GOOD" => &mut self.good,
            "FLAGGED" => &mut self.flagged,
            "WRONG" => &mut self.wrong,
            "DUPLICATE" => &mut self.duplicate,
            "BLANK" => &mut self.blank,
            _ => &mut self.dropped,
        };
        *count += by;
        if existing && matches!(state, "GOOD" | "FLAGGED") {
            self.existing += by;
        }
    }
}

/// An import that is new.
pub struct New<'a> {
    pub id: Uuid,
    pub file_name: &'a str,
    pub file_hash: &'a [u8],
    pub upload_user_id: Uuid,
    pub request_id: Option<Uuid>,
    pub encoding: &'a str,
    pub delimiter: String,
    pub byte_order_mark: bool,
    pub counts: Counts,
}

/// Adds an import; false where the user has one under the request id.
pub async fn insert(db: &mut PgConnection, tenant: Uuid, new: &New<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO imports (tenant_id, id, file_name, file_hash, upload_user_id, request_id, encoding, delimiter,
                              byte_order_mark, good, flagged, wrong, duplicate, blank, existing)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         ON CONFLICT (tenant_id, upload_user_id, request_id) WHERE request_id IS NOT NULL DO NOTHING",
        tenant,
        new.id,
        new.file_name,
        new.file_hash,
        new.upload_user_id,
        new.request_id,
        new.encoding,
        new.delimiter,
        new.byte_order_mark,
        new.counts.good,
        new.counts.flagged,
        new.counts.wrong,
        new.counts.duplicate,
        new.counts.blank,
        new.counts.existing,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// What was uploaded under a request id before.
pub struct Uploaded {
    pub id: Uuid,
    pub file_name: String,
    pub file_hash: Vec<u8>,
}

/// The import that a user uploaded under a request id.
pub async fn by_request(
    db: &mut PgConnection,
    tenant: Uuid,
    user: Uuid,
    request: Uuid,
) -> sqlx::Result<Option<Uploaded>> {
    sqlx::query_as!(
        Uploaded,
        "SELECT id, file_name, file_hash FROM imports
         WHERE tenant_id = $1 AND upload_user_id = $2 AND request_id = $3",
        tenant,
        user,
        request,
    )
    .fetch_optional(db)
    .await
}

/// The imports of these ids, newest first.
pub async fn find_all(
    db: &mut PgConnection,
    tenant: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Import>> {
    sqlx::query_as!(
        Import,
        "SELECT id, file_name, state, cancelled, encoding, delimiter, byte_order_mark, good, flagged, wrong, duplicate, blank,
                dropped, existing, over_seats, rows_total, rows_created, rows_skipped, rows_failed, rows_per_second,
                failure, version, create_time, end_time
         FROM imports WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id DESC",
        tenant,
        ids,
    )
    .fetch_all(db)
    .await
}

/// One import.
pub async fn find(db: &mut PgConnection, tenant: Uuid, id: Uuid) -> sqlx::Result<Option<Import>> {
    Ok(find_all(db, tenant, &[id]).await?.pop())
}

/// One import, which nobody else changes until the end of the transaction.
pub async fn lock(db: &mut PgConnection, tenant: Uuid, id: Uuid) -> sqlx::Result<Option<Import>> {
    let locked = sqlx::query!(
        "SELECT id FROM imports WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        tenant,
        id
    );
    match locked.fetch_optional(&mut *db).await? {
        Some(_) => find(db, tenant, id).await,
        None => Ok(None),
    }
}

/// The ids after (or before, nearest first) one, newest first.
pub async fn page(
    db: &mut PgConnection,
    tenant: Uuid,
    after: Option<Uuid>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    match after {
        Some(after) if backward => newer(db, tenant, after, limit).await,
        after => older(db, tenant, after, limit).await,
    }
}

/// The ids of imports older than `before`, newest first.
async fn older(
    db: &mut PgConnection,
    tenant: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let before = before.unwrap_or(Uuid::max());
    sqlx::query_scalar!(
        "SELECT id FROM imports WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        tenant,
        before,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The ids of imports newer than `after`, oldest first.
async fn newer(
    db: &mut PgConnection,
    tenant: Uuid,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM imports WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        tenant,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many imports there are.
pub async fn count(db: &mut PgConnection, tenant: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM imports WHERE tenant_id = $1"#,
        tenant
    )
    .fetch_one(db)
    .await
}

/// How many imports are in review.
pub async fn count_in_review(db: &mut PgConnection, tenant: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM imports WHERE tenant_id = $1 AND state = 'REVIEW'"#,
        tenant
    )
    .fetch_one(db)
    .await
}

/// Changes the counts of an import by what changed of its rows.
pub async fn shift(db: &mut PgConnection, tenant: Uuid, id: Uuid, by: &Counts) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE imports SET good = good + $3, flagged = flagged + $4, wrong = wrong + $5, duplicate = duplicate + $6,
                blank = blank + $7, dropped = dropped + $8, existing = existing + $9, version = version + 1
         WHERE tenant_id = $1 AND id = $2",
        tenant,
        id,
        by.good,
        by.flagged,
        by.wrong,
        by.duplicate,
        by.blank,
        by.dropped,
        by.existing,
    )
    .execute(db)
    .await?;
    Ok(())
}

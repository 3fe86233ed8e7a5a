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
}

/// Adds an import; false where the user has one under the request id.
pub async fn insert(db: &mut PgConnection, tenant: Uuid, new: &New<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO imports (tenant_id, id, file_name, file_hash, upload_user_id, request_id, encoding, delimiter,
                              byte_order_mark)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
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
        "SELECT id, file_name, state, encoding, delimiter, byte_order_mark, good, flagged, wrong, duplicate, blank,
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

/// Counts the rows of an import anew.
pub async fn recount(db: &mut PgConnection, tenant: Uuid, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE imports SET (good, flagged, wrong, duplicate, blank, dropped, existing) = (
             SELECT count(*) FILTER (WHERE state = 'GOOD'), count(*) FILTER (WHERE state = 'FLAGGED'),
                    count(*) FILTER (WHERE state = 'WRONG'), count(*) FILTER (WHERE state = 'DUPLICATE'),
                    count(*) FILTER (WHERE state = 'BLANK'), count(*) FILTER (WHERE state = 'DROPPED'),
                    count(*) FILTER (WHERE state IN ('GOOD', 'FLAGGED') AND existing)
             FROM import_rows WHERE tenant_id = $1 AND import_id = $2),
             version = version + 1
         WHERE tenant_id = $1 AND id = $2",
        tenant,
        id,
    )
    .execute(db)
    .await?;
    Ok(())
}

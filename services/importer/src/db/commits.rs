//! The part of the table `imports` that belongs to a commit.

use sqlx::PgConnection;
use uuid::Uuid;

/// How a commit is to be done, and for whom.
pub struct Terms<'a> {
    pub user: Uuid,
    pub home: Option<Uuid>,
    pub address: Option<String>,
    pub existing_users: &'a str,
    pub without_mails: bool,
    pub language: &'a str,
    pub over_seats: i32,
    pub chunk_rows: i32,
}

/// Begins a commit of an import in review; false where it is not.
pub async fn begin(
    db: &mut PgConnection,
    tenant: Uuid,
    id: Uuid,
    terms: &Terms<'_>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE imports SET state = 'COMMITTING', commit_user_id = $3, commit_home_tenant_id = $4, commit_address = $5,
                existing_users = $6, without_mails = $7, language = $8, over_seats = $9, chunk_rows = $10,
                rows_total = good, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND state = 'REVIEW'",
        tenant,
        id,
        terms.user,
        terms.home,
        terms.address,
        terms.existing_users,
        terms.without_mails,
        terms.language,
        terms.over_seats,
        terms.chunk_rows,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Gives up a review, or has the worker stop a commit; false where the import
/// was over already.
pub async fn cancel(db: &mut PgConnection, tenant: Uuid, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE imports SET cancelled = true, version = version + 1,
                state = CASE state WHEN 'REVIEW' THEN 'CANCELLED' ELSE state END,
                end_time = CASE state WHEN 'REVIEW' THEN clock() END
         WHERE tenant_id = $1 AND id = $2 AND state IN ('REVIEW', 'COMMITTING') AND NOT cancelled",
        tenant,
        id,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// A commit that this worker has to itself.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub user: Uuid,
    pub home: Option<Uuid>,
    pub address: Option<String>,
    pub existing_users: Option<String>,
    pub without_mails: bool,
    pub language: String,
    pub chunk_rows: i32,
    pub checkpoint_line: i32,
    pub rows_per_second: f64,
    pub cancelled: bool,
    /// A worker left it without knowing what became of the rows after the
    /// checkpoint: some may be done.
    pub abandoned: bool,
}

/// Takes a commit for `seconds`: of the tenant for which a worker last took one
/// up the longest ago, the one that waits longest. So a tenant with many commits
/// gets no more turns than a tenant with one.
pub async fn claim(
    db: &mut PgConnection,
    lease: Uuid,
    seconds: f64,
) -> sqlx::Result<Option<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"UPDATE imports i SET lease_id = $1, lease_end_time = clock() + make_interval(secs => $2), work_time = clock()
         FROM (SELECT tenant_id, id, lease_id FROM imports mine
               WHERE state = 'COMMITTING' AND (lease_end_time IS NULL OR lease_end_time < clock())
               ORDER BY (SELECT max(work_time) FROM imports theirs WHERE theirs.tenant_id = mine.tenant_id) NULLS FIRST,
                        work_time NULLS FIRST, id
               LIMIT 1 FOR UPDATE SKIP LOCKED) free
         WHERE i.tenant_id = free.tenant_id AND i.id = free.id
         RETURNING i.tenant_id, i.id, i.commit_user_id AS "user!", i.commit_home_tenant_id AS home,
                   i.commit_address AS address, i.existing_users, i.without_mails, i.language, i.chunk_rows,
                   i.checkpoint_line, i.rows_per_second, i.cancelled, free.lease_id IS NOT NULL AS "abandoned!""#,
        lease,
        seconds,
    )
    .fetch_optional(db)
    .await
}

/// Keeps a claimed commit for `seconds` more; `None` where another worker has
/// it by now, else whether a caller wants it stopped.
pub async fn renew(
    db: &mut PgConnection,
    tenant: Uuid,
    id: Uuid,
    lease: Uuid,
    seconds: f64,
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!(
        "UPDATE imports SET lease_end_time = clock() + make_interval(secs => $4)
         WHERE tenant_id = $1 AND id = $2 AND lease_id = $3 AND state = 'COMMITTING' RETURNING cancelled",
        tenant,
        id,
        lease,
        seconds,
    )
    .fetch_optional(db)
    .await
}

/// Gives a claimed commit back; `unsure` where rows after the checkpoint may be
/// done, for whoever claims it next to know.
pub async fn release(
    db: &mut PgConnection,
    tenant: Uuid,
    id: Uuid,
    lease: Uuid,
    unsure: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE imports SET lease_id = CASE WHEN $4 THEN lease_id END, lease_end_time = NULL
         WHERE tenant_id = $1 AND id = $2 AND lease_id = $3",
        tenant,
        id,
        lease,
        unsure,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What became of the rows of a chunk.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub created: i32,
    pub skipped: i32,
    pub failed: i32,
    pub rows_per_second: f64,
    pub failure: String,
}

/// Moves the checkpoint of a claimed commit from one line to another, and keeps
/// it for `seconds` more; `None` where another worker has it by now, else
/// whether a caller wants it stopped.
pub async fn advance(
    db: &mut PgConnection,
    claimed: &Claimed,
    lease: Uuid,
    seconds: f64,
    to_line: i32,
    tally: &Tally,
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!(
        "UPDATE imports SET checkpoint_line = $5, rows_created = rows_created + $6, rows_skipped = rows_skipped + $7,
                rows_failed = rows_failed + $8, rows_per_second = $9,
                failure = CASE failure WHEN '' THEN $10 ELSE failure END, version = version + 1,
                lease_end_time = clock() + make_interval(secs => $11)
         WHERE tenant_id = $1 AND id = $2 AND lease_id = $3 AND state = 'COMMITTING' AND checkpoint_line = $4
         RETURNING cancelled",
        claimed.tenant_id,
        claimed.id,
        lease,
        claimed.checkpoint_line,
        to_line,
        tally.created,
        tally.skipped,
        tally.failed,
        tally.rows_per_second,
        tally.failure,
        seconds,
    )
    .fetch_optional(db)
    .await
}

/// Ends a claimed commit, as DONE or CANCELLED; false where another worker has
/// it by now.
pub async fn end(
    db: &mut PgConnection,
    tenant: Uuid,
    id: Uuid,
    lease: Uuid,
    state: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE imports SET state = $4, end_time = clock(), lease_id = NULL, lease_end_time = NULL,
                version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND lease_id = $3 AND state = 'COMMITTING'",
        tenant,
        id,
        lease,
        state,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

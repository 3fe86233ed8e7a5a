//! Actions on many users.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{BulkOperation, Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// An operation.
pub struct Row {
    /// The operation.
    pub id: Id<BulkOperation>,
    /// DELETE, DISABLE and so on, as the contract names it.
    pub action: String,
    /// RUNNING, DONE, CANCELLED or DENIED.
    pub state: String,
    /// Who asked for it.
    pub creator_user_id: Id<User>,
    /// How many users it is about.
    pub total: i32,
    /// How many of them have a result.
    pub checkpoint: i32,
    /// How many of those were passed over.
    pub skipped: i32,
    /// How many of those were refused.
    pub refused: i32,
    /// When it was asked for.
    pub create_time: DateTime<Utc>,
    /// When it ended.
    pub end_time: Option<DateTime<Utc>>,
}

/// An operation that is new.
pub struct New<'a> {
    /// The operation.
    pub id: Id<BulkOperation>,
    /// What is done.
    pub action: &'a str,
    /// Who asks for it.
    pub user: Id<User>,
    /// Where they live.
    pub home: Id<Tenant>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// How many users it is about.
    pub total: i32,
}

/// Adds an operation, unless the tenant has so many running. Of two at the same
/// time the second waits, so that both are not the last.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    new: &New<'_>,
    most: i64,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtext('bulk operations'), uuid_hash($1))",
        tenant.uuid(),
    )
    .fetch_one(&mut *db)
    .await?;
    let done = sqlx::query!(
        "INSERT INTO bulk_operations (tenant_id, id, action, creator_user_id, creator_tenant_id,
             creator_address, total)
         SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (
             SELECT count(*) FROM bulk_operations WHERE tenant_id = $1 AND state = 'RUNNING') < $8",
        tenant.uuid(),
        new.id.uuid(),
        new.action,
        new.user.uuid(),
        new.home.uuid(),
        new.address.map(|address| address.to_string()),
        new.total,
        most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes the operations of a tenant that ended the longest ago, with their
/// results, where it has more than so many.
pub async fn keep(db: &mut PgConnection, tenant: Id<Tenant>, most: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM bulk_operations WHERE tenant_id = $1 AND id IN (
             SELECT id FROM bulk_operations WHERE tenant_id = $1
             ORDER BY coalesce(end_time, 'infinity') DESC, id DESC OFFSET $2)
             AND end_time IS NOT NULL",
        tenant.uuid(),
        most,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One operation.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<BulkOperation>,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: Id<BulkOperation>", action, state,
               creator_user_id AS "creator_user_id: Id<User>", total, checkpoint, skipped, refused,
               create_time, end_time
           FROM bulk_operations WHERE tenant_id = $1 AND id = $2"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// A page of operations, newest first: those older than one, or newer with the
/// nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    place: Uuid,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    if backward {
        sqlx::query_as!(
            Row,
            r#"SELECT id AS "id: Id<BulkOperation>", action, state,
                   creator_user_id AS "creator_user_id: Id<User>", total, checkpoint, skipped,
                   refused, create_time, end_time
               FROM bulk_operations WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3"#,
            tenant.uuid(),
            place,
            limit,
        )
        .fetch_all(db)
        .await
    } else {
        sqlx::query_as!(
            Row,
            r#"SELECT id AS "id: Id<BulkOperation>", action, state,
                   creator_user_id AS "creator_user_id: Id<User>", total, checkpoint, skipped,
                   refused, create_time, end_time
               FROM bulk_operations WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"#,
            tenant.uuid(),
            place,
            limit,
        )
        .fetch_all(db)
        .await
    }
}

/// How many operations there are.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM bulk_operations WHERE tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

/// An operation that a worker has to itself.
pub struct Claimed {
    /// The lease.
    pub lease: Uuid,
    /// The tenant.
    pub tenant_id: Id<Tenant>,
    /// The operation.
    pub id: Id<BulkOperation>,
    /// What is done.
    pub action: String,
    /// In whose name.
    pub user: Id<User>,
    /// Where they live.
    pub home: Id<Tenant>,
    /// From which address they asked.
    pub address: Option<String>,
    /// How many users have a result.
    pub checkpoint: i32,
}

/// Takes an operation for `seconds`: of the tenant for which a worker last took
/// one up the longest ago. So a tenant with many gets no more turns than a
/// tenant with one.
pub async fn claim(
    db: &mut PgConnection,
    lease: Uuid,
    seconds: f64,
) -> sqlx::Result<Option<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"UPDATE bulk_operations o
           SET lease_id = $1, lease_end_time = clock() + make_interval(secs => $2), work_time = clock()
           FROM (SELECT tenant_id, id FROM bulk_operations mine
                 WHERE state = 'RUNNING' AND (lease_end_time IS NULL OR lease_end_time < clock())
                 ORDER BY (SELECT max(work_time) FROM bulk_operations theirs
                           WHERE theirs.tenant_id = mine.tenant_id) NULLS FIRST,
                          work_time NULLS FIRST, id
                 LIMIT 1 FOR UPDATE SKIP LOCKED) free
           WHERE o.tenant_id = free.tenant_id AND o.id = free.id
           RETURNING $1::uuid AS "lease!", o.tenant_id AS "tenant_id: Id<Tenant>",
               o.id AS "id: Id<BulkOperation>", o.action, o.creator_user_id AS "user: Id<User>",
               o.creator_tenant_id AS "home: Id<Tenant>", o.creator_address AS address, o.checkpoint"#,
        lease,
        seconds,
    )
    .fetch_optional(db)
    .await
}

/// Moves the checkpoint of a claimed operation over one user, who was passed over
/// or refused, or to whom it was done, and keeps it for `seconds` more. False
/// where the user has a result, another worker has the operation, or it is over.
pub async fn advance(
    db: &mut PgConnection,
    claimed: &Claimed,
    outcome: &str,
    seconds: f64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE bulk_operations SET checkpoint = checkpoint + 1,
             skipped = skipped + ($5 = 'SKIPPED')::int, refused = refused + ($5 = 'REFUSED')::int,
             lease_end_time = clock() + make_interval(secs => $6)
         WHERE tenant_id = $1 AND id = $2 AND lease_id = $3 AND checkpoint = $4 AND state = 'RUNNING'",
        claimed.tenant_id.uuid(),
        claimed.id.uuid(),
        claimed.lease,
        claimed.checkpoint,
        outcome,
        seconds,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a claimed operation back for the next turn.
pub async fn release(db: &mut PgConnection, claimed: &Claimed) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE bulk_operations SET lease_id = NULL, lease_end_time = NULL
         WHERE tenant_id = $1 AND id = $2 AND lease_id = $3",
        claimed.tenant_id.uuid(),
        claimed.id.uuid(),
        claimed.lease,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a running operation, as DONE, CANCELLED or DENIED; one of a lease only
/// while that holds. False where it was over.
pub async fn end(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<BulkOperation>,
    lease: Option<Uuid>,
    state: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE bulk_operations SET state = $4, end_time = clock(), lease_id = NULL, lease_end_time = NULL
         WHERE tenant_id = $1 AND id = $2 AND ($3::uuid IS NULL OR lease_id = $3) AND state = 'RUNNING'",
        tenant.uuid(),
        id.uuid(),
        lease,
        state,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes what ended 30 days ago with its results, of all tenants: for a
/// worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM bulk_operations WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM bulk_operations WHERE end_time < clock() - interval '30 days'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Whether a user, or a service account, is neither disabled nor locked by an
/// admin.
pub async fn may_act(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM users u
               LEFT JOIN attempts a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
                   AND a.by_admin AND a.unlock_time > clock()
               WHERE u.tenant_id = $1 AND u.id = $2 AND u.status = 'ACTIVE' AND a.user_id IS NULL
           ) OR EXISTS (
               SELECT FROM service_accounts s
               WHERE s.tenant_id = $1 AND s.id = $2 AND s.disable_time IS NULL) AS "may!""#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_one(db)
    .await
}

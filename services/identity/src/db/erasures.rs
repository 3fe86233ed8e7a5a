//! Deleted users, and the services that still hold something of them.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A deleted user.
pub struct Row {
    /// The user.
    pub user_id: Id<User>,
    /// The services that have not said that they erased the user.
    pub pending_services: Vec<String>,
    /// When the user was deleted.
    pub create_time: DateTime<Utc>,
    /// When the last service said so.
    pub end_time: Option<DateTime<Utc>>,
}

/// Notes that a user was deleted, and who has to say that they erased them. An
/// invited user may come back under the same id, and go again.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    services: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO erasures (tenant_id, user_id, pending_services) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, user_id) DO UPDATE
             SET pending_services = $3, create_time = clock(), end_time = NULL",
        tenant.uuid(),
        user.uuid(),
        services,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that a service erased a user. One that comes again changes nothing.
pub async fn acknowledge(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    service: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE erasures SET pending_services = array_remove(pending_services, $3),
             end_time = CASE WHEN pending_services = ARRAY[$3] THEN clock() END
         WHERE tenant_id = $1 AND user_id = $2 AND $3 = ANY(pending_services)",
        tenant.uuid(),
        user.uuid(),
        service,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One deleted user.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT user_id AS "user_id: Id<User>", pending_services, create_time, end_time
           FROM erasures WHERE tenant_id = $1 AND user_id = $2"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// A page of deleted users, oldest first: those after a place, or before it with
/// the nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    pending: bool,
    place: (DateTime<Utc>, Uuid),
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (time, id) = place;
    if backward {
        sqlx::query_as!(
            Row,
            r#"SELECT user_id AS "user_id: Id<User>", pending_services, create_time, end_time
               FROM erasures
               WHERE tenant_id = $1 AND (end_time IS NULL OR NOT $2) AND (create_time, user_id) < ($3, $4)
               ORDER BY create_time DESC, user_id DESC LIMIT $5"#,
            tenant.uuid(),
            pending,
            time,
            id,
            limit,
        )
        .fetch_all(db)
        .await
    } else {
        sqlx::query_as!(
            Row,
            r#"SELECT user_id AS "user_id: Id<User>", pending_services, create_time, end_time
               FROM erasures
               WHERE tenant_id = $1 AND (end_time IS NULL OR NOT $2) AND (create_time, user_id) > ($3, $4)
               ORDER BY create_time, user_id LIMIT $5"#,
            tenant.uuid(),
            pending,
            time,
            id,
            limit,
        )
        .fetch_all(db)
        .await
    }
}

/// How many deleted users there are.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>, pending: bool) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM erasures
           WHERE tenant_id = $1 AND (end_time IS NULL OR NOT $2)"#,
        tenant.uuid(),
        pending,
    )
    .fetch_one(db)
    .await
}

/// For how many seconds the oldest deletion of all tenants is pending; `None`
/// where none is: for a worker.
pub async fn oldest_pending_seconds(db: &mut PgConnection) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM clock() - min(create_time))::double precision AS "seconds"
           FROM erasures WHERE end_time IS NULL"#
    )
    .fetch_one(db)
    .await
}

/// Removes what ended 30 days ago, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM erasures WHERE (tenant_id, user_id) IN (
             SELECT tenant_id, user_id FROM erasures WHERE end_time < clock() - interval '30 days'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

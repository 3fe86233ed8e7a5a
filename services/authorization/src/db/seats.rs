//! The seats: a counter, and who holds one.

use chrono::{DateTime, Utc};
use contract::authorization::Role;
use contract::identity::{Tenant, User};
use rpc::Id;
use sqlx::PgConnection;

use super::nearest_first;

/// The counter.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// The seats there are.
    pub total: i32,
    /// Those in use.
    pub used: i32,
    /// The etag of the licence.
    pub version: i64,
}

/// A seat in use.
pub struct Holder {
    /// Who uses it.
    pub user_id: Id<User>,
    /// Whether the user has not accepted yet.
    pub pending: bool,
    /// Whether the user is disabled.
    pub suspended: bool,
    /// Since when.
    pub start_time: DateTime<Utc>,
}

/// Gives a new tenant no seats.
pub async fn insert(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO seats (tenant_id, total, used) VALUES ($1, 0, 0)",
        tenant.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The counter of a tenant.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<Count>> {
    sqlx::query_as!(
        Count,
        "SELECT total, used, version FROM seats WHERE tenant_id = $1",
        tenant.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Counts more seats as used; false where there are not so many.
pub async fn take(db: &mut PgConnection, tenant: Id<Tenant>, more: i32) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE seats SET used = used + $2 WHERE tenant_id = $1 AND used + $2 <= total",
        tenant.uuid(),
        more,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// How many seats there are, where all are used and the user would need one
/// more for the role.
pub async fn none_left_for(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    role: Id<Role>,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "SELECT s.total FROM seats s JOIN roles r ON r.tenant_id = $1 AND r.id = $3 AND r.licensed
         WHERE s.tenant_id = $1 AND s.used >= s.total
           AND NOT EXISTS (SELECT FROM seat_holders h WHERE h.tenant_id = $1 AND h.user_id = $2)",
        tenant.uuid(),
        user.uuid(),
        role.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Seats users; answers how many had no seat before.
pub async fn hold(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "INSERT INTO seat_holders (tenant_id, user_id) SELECT $1, u FROM unnest($2::uuid[]) u
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        users as _,
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Frees the seats of those users who hold no licensed role any more.
pub async fn free(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM seat_holders h WHERE h.tenant_id = $1 AND h.user_id = ANY($2) AND NOT EXISTS (
                 SELECT FROM role_bindings b JOIN roles r ON r.tenant_id = b.tenant_id AND r.id = b.role_id
                 WHERE b.tenant_id = $1 AND b.user_id = h.user_id AND r.licensed)
             RETURNING 1)
         UPDATE seats SET used = used - (SELECT count(*) FROM gone)::integer
         WHERE tenant_id = $1 AND EXISTS (SELECT FROM gone)",
        tenant.uuid(),
        users as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Seats exactly those who hold a licensed role; answers how many they are.
pub async fn recount(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query!(
        "DELETE FROM seat_holders h WHERE h.tenant_id = $1 AND NOT EXISTS (
             SELECT FROM role_bindings b JOIN roles r ON r.tenant_id = b.tenant_id AND r.id = b.role_id
             WHERE b.tenant_id = $1 AND b.user_id = h.user_id AND r.licensed)",
        tenant.uuid(),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO seat_holders (tenant_id, user_id)
         SELECT DISTINCT $1::uuid, b.user_id
         FROM role_bindings b JOIN roles r ON r.tenant_id = b.tenant_id AND r.id = b.role_id
         WHERE b.tenant_id = $1 AND r.licensed
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
    )
    .execute(&mut *db)
    .await?;
    count_holders(db, tenant).await
}

/// Sets what is used after a recount; `None` where there are not so many.
pub async fn set_used(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    used: i32,
) -> sqlx::Result<Option<Count>> {
    sqlx::query_as!(
        Count,
        "UPDATE seats SET used = $2, version = version + 1 WHERE tenant_id = $1 AND $2 <= total
         RETURNING total, used, version",
        tenant.uuid(),
        used,
    )
    .fetch_optional(db)
    .await
}

/// Sets how many seats there are; `None` where more are in use.
pub async fn set_total(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    total: i32,
) -> sqlx::Result<Option<Count>> {
    sqlx::query_as!(
        Count,
        "UPDATE seats SET total = $2, version = version + 1 WHERE tenant_id = $1 AND used <= $2
         RETURNING total, used, version",
        tenant.uuid(),
        total,
    )
    .fetch_optional(db)
    .await
}

/// A page of seats by user; see `db`.
pub async fn page(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    after: Id<User>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Holder>> {
    sqlx::query_as!(
        Holder,
        r#"SELECT page.user_id AS "user_id!: Id<User>", s.suspended, page.start_time AS "start_time!",
             NOT EXISTS (SELECT FROM role_bindings b
                         WHERE b.tenant_id = $1 AND b.user_id = page.user_id AND NOT b.pending) AS "pending!"
           FROM (
             (SELECT * FROM seat_holders WHERE tenant_id = $1 AND NOT $3 AND user_id > $2
              ORDER BY user_id LIMIT $4)
             UNION ALL
             (SELECT * FROM seat_holders WHERE tenant_id = $1 AND $3 AND user_id < $2
              ORDER BY user_id DESC LIMIT $4)
           ) AS page JOIN subjects s ON s.tenant_id = $1 AND s.user_id = page.user_id
           ORDER BY page.user_id"#,
        tenant.uuid(),
        after.uuid(),
        backward,
        limit,
    )
    .fetch_all(db)
    .await
    .map(|rows| nearest_first(rows, backward))
}

/// How many users hold a seat, counted one by one.
pub async fn count_holders(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM seat_holders WHERE tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

//! Addresses that users had.

use std::time::Duration;

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Keeps a former address, sealed, for a while.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Uuid,
    user: Id<User>,
    former_email: &[u8],
    lifetime: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO email_changes (tenant_id, id, user_id, former_email, expire_time)
         VALUES ($1, $2, $3, $4, clock() + $5 * interval '1 second')",
        tenant.uuid(),
        id,
        user.uuid(),
        former_email,
        lifetime.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A former address, sealed; `None` where it is not kept any more.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Uuid,
) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT former_email FROM email_changes
         WHERE tenant_id = $1 AND id = $2 AND expire_time > clock()",
        tenant.uuid(),
        id,
    )
    .fetch_optional(db)
    .await
}

/// Removes addresses that were kept long enough, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM email_changes WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM email_changes WHERE expire_time <= clock()
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

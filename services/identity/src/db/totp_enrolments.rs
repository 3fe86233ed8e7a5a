//! Authenticators that signed-in users are enrolling.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Session, Tenant},
};
use sqlx::PgConnection;

/// Keeps the sealed secret of an authenticator, in place of an earlier one.
/// `None` where the session has ended.
pub async fn set(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    session: Id<Session>,
    secret: &[u8],
    lifetime: Duration,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "INSERT INTO totp_enrolments (tenant_id, session_id, secret, expire_time)
         SELECT tenant_id, id, $3, clock() + $4 * interval '1 second'
         FROM sessions WHERE tenant_id = $1 AND id = $2
         ON CONFLICT (tenant_id, session_id)
         DO UPDATE SET secret = excluded.secret, expire_time = excluded.expire_time
         RETURNING expire_time",
        tenant.uuid(),
        session.uuid(),
        secret,
        lifetime.as_secs_f64(),
    )
    .fetch_optional(db)
    .await
}

/// The sealed secret that is being enrolled in a session.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    session: Id<Session>,
) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT secret FROM totp_enrolments
         WHERE tenant_id = $1 AND session_id = $2 AND expire_time > clock()",
        tenant.uuid(),
        session.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Ends the enrolment of a session.
pub async fn end(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    session: Id<Session>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM totp_enrolments WHERE tenant_id = $1 AND session_id = $2",
        tenant.uuid(),
        session.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes enrolments that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM totp_enrolments WHERE (tenant_id, session_id) IN (
             SELECT tenant_id, session_id FROM totp_enrolments WHERE expire_time < clock()
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

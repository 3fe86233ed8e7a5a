//! What was proven in a session again, lately.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Session, Tenant},
};
use sqlx::PgConnection;

/// What was proven.
pub struct Proven {
    /// Whether the password was.
    pub password: bool,
    /// Whether a second factor was.
    pub second: bool,
}

/// Records a proof. `None` where the session has ended.
pub async fn prove(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    session: Id<Session>,
    factor: &str,
    lifetime: Duration,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "INSERT INTO session_proofs (tenant_id, session_id, factor, expire_time)
         SELECT tenant_id, id, $3, clock() + $4 * interval '1 second'
         FROM sessions WHERE tenant_id = $1 AND id = $2
         ON CONFLICT (tenant_id, session_id, factor)
         DO UPDATE SET expire_time = excluded.expire_time
         RETURNING expire_time",
        tenant.uuid(),
        session.uuid(),
        factor,
        lifetime.as_secs_f64(),
    )
    .fetch_optional(db)
    .await
}

/// What was proven in a session and counts now.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    session: Id<Session>,
) -> sqlx::Result<Proven> {
    sqlx::query_as!(
        Proven,
        r#"SELECT coalesce(bool_or(factor = 'PASSWORD'), false) AS "password!",
               coalesce(bool_or(factor <> 'PASSWORD'), false) AS "second!"
           FROM session_proofs
           WHERE tenant_id = $1 AND session_id = $2 AND expire_time > clock()"#,
        tenant.uuid(),
        session.uuid(),
    )
    .fetch_one(db)
    .await
}

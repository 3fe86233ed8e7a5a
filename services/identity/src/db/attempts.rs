//! Budgets of wrong answers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;

/// Charges one answer that is about to be checked, unless the budget is used
/// up: by wrong answers, or by wrong answers and those being checked. Of the
/// latter none counts once the lease of the last one is over.
pub async fn charge(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    limit: i32,
    window: Duration,
    lease: Duration,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO attempts AS a
             (tenant_id, user_id, failures, pending, lease_end_time, window_end_time)
         VALUES ($1, $2, 0, 1, clock() + $5 * interval '1 second', clock() + $4 * interval '1 second')
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET
             failures = CASE WHEN a.window_end_time > clock() THEN a.failures ELSE 0 END,
             pending = CASE WHEN a.lease_end_time > clock() THEN a.pending + 1 ELSE 1 END,
             lease_end_time = excluded.lease_end_time,
             window_end_time = CASE WHEN a.window_end_time > clock() THEN a.window_end_time
                                    ELSE excluded.window_end_time END,
             lock_time = NULL,
             unlock_time = NULL
         WHERE CASE WHEN a.window_end_time > clock() THEN a.failures ELSE 0 END
             + CASE WHEN a.lease_end_time > clock() THEN a.pending ELSE 0 END < $3",
        tenant.uuid(),
        user.uuid(),
        limit,
        window.as_secs_f64(),
        lease.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the account is locked: the budget was used up by wrong answers.
pub async fn is_locked(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"SELECT unlock_time > clock() AS "locked!" FROM attempts
           WHERE tenant_id = $1 AND user_id = $2 AND unlock_time IS NOT NULL"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(locked.unwrap_or(false))
}

/// Gives a charge back: the answer was right, or was never checked.
pub async fn refund(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE attempts SET pending = greatest(pending - 1, 0) WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Turns a charge into a wrong answer. Where that was the last of the budget,
/// the account is locked and the answer is when it opens again.
pub async fn fail(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    limit: i32,
    lock: Duration,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    let unlock_time = sqlx::query_scalar!(
        "UPDATE attempts SET
             failures = failures + 1,
             pending = greatest(pending - 1, 0),
             lock_time = CASE WHEN failures + 1 = $3 THEN clock() ELSE lock_time END,
             unlock_time = CASE WHEN failures + 1 = $3 THEN clock() + $4 * interval '1 second'
                                ELSE unlock_time END,
             window_end_time = CASE WHEN failures + 1 = $3 THEN clock() + $4 * interval '1 second'
                                    ELSE window_end_time END
         WHERE tenant_id = $1 AND user_id = $2
         RETURNING CASE WHEN failures = $3 THEN unlock_time END",
        tenant.uuid(),
        user.uuid(),
        limit,
        lock.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?;
    Ok(unlock_time.flatten())
}

/// Forgets wrong answers, after a whole login. Answers being checked stay
/// charged.
pub async fn forget(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE attempts SET failures = 0 WHERE tenant_id = $1 AND user_id = $2 AND unlock_time IS NULL",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Opens a lock, and gives the whole budget back where there was none. Answers
/// being checked were charged to the budget before. `true` where there was one.
pub async fn unlock(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"DELETE FROM attempts WHERE tenant_id = $1 AND user_id = $2
           RETURNING coalesce(unlock_time > clock(), false) AS "locked!""#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(locked.unwrap_or(false))
}

/// Removes all that is counted of a user.
pub async fn erase(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM attempts WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes counts whose window is over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM attempts WHERE (tenant_id, user_id) IN (
             SELECT tenant_id, user_id FROM attempts WHERE window_end_time < clock() - interval '1 hour'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

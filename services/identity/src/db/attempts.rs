//! Budgets of wrong answers: of users, of their devices, of network addresses.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{devices::WRONG_ANSWERS, lockouts::IN_A_ROW};

/// What answers are charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The user, the device, or an id made of the address.
    pub id: Uuid,
    /// How many wrong answers there may be.
    pub limit: i32,
    /// How long they count, from the first.
    pub window: Duration,
    /// How many there may be in a row, over all windows, fewer those that each of
    /// the user's devices has for itself; `None` where they are not counted.
    pub most_in_a_row: Option<i32>,
}

/// An account was locked by a wrong answer.
pub struct Locked {
    /// When it opens by itself; absent where it does not.
    pub unlock_time: Option<DateTime<Utc>>,
}

/// Charges one answer that is about to be checked to each of the budgets,
/// unless that is used up: by wrong answers, or by wrong answers and those being
/// checked. Of the latter none counts once the lease of the last one is over.
/// Answers the budgets that were charged; where some were not, the transaction
/// must not be committed.
pub async fn charge(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    budgets: &[Budget],
    lease: Duration,
) -> sqlx::Result<Vec<Uuid>> {
    let ids: Vec<_> = budgets.iter().map(|budget| budget.id).collect();
    let limits: Vec<_> = budgets.iter().map(|budget| budget.limit).collect();
    let windows: Vec<_> = budgets
        .iter()
        .map(|budget| budget.window.as_secs_f64())
        .collect();
    let most: Vec<_> = budgets.iter().map(|budget| budget.most_in_a_row).collect();
    sqlx::query_scalar!(
        "INSERT INTO attempts AS a
             (tenant_id, user_id, failures, pending, lease_end_time, window_end_time)
         SELECT $1, b.id, 0, 1, clock() + $5 * interval '1 second',
             clock() + b.seconds * interval '1 second'
         FROM unnest($2::uuid[], $3::double precision[]) WITH ORDINALITY AS b (id, seconds, n)
         ORDER BY b.n
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET
             failures = CASE WHEN a.window_end_time > clock() THEN a.failures ELSE 0 END,
             pending = CASE WHEN a.lease_end_time > clock() THEN a.pending + 1 ELSE 1 END,
             lease_end_time = excluded.lease_end_time,
             window_end_time = CASE WHEN a.window_end_time > clock() THEN a.window_end_time
                                    ELSE excluded.window_end_time END,
             lock_time = NULL,
             unlock_time = NULL
         WHERE (a.unlock_time IS NULL OR a.unlock_time <= clock())
             AND CASE WHEN a.lease_end_time > clock() THEN a.pending ELSE 0 END
                 < least(
                     ($4::integer[])[array_position($2::uuid[], a.user_id)]
                         - CASE WHEN a.window_end_time > clock() THEN a.failures ELSE 0 END,
                     ($6::integer[])[array_position($2::uuid[], a.user_id)] - a.in_a_row
                         - $7 * (SELECT count(*) FROM devices d
                                 WHERE d.tenant_id = a.tenant_id AND d.user_id = a.user_id))
         RETURNING a.user_id",
        tenant.uuid(),
        &ids,
        &windows,
        &limits,
        lease.as_secs_f64(),
        &most as &[Option<i32>],
        i64::from(WRONG_ANSWERS),
    )
    .fetch_all(db)
    .await
}

/// For how many seconds a budget is used up by wrong answers; `None` where it
/// is not.
pub async fn used_up(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    budget: Budget,
) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        r#"SELECT CASE WHEN isfinite(window_end_time)
               THEN extract(epoch FROM window_end_time - clock())::double precision
               ELSE 86400 END AS "seconds!"
           FROM attempts
           WHERE tenant_id = $1 AND user_id = $2 AND window_end_time > clock()
             AND (unlock_time > clock() OR failures >= $3)"#,
        tenant.uuid(),
        budget.id,
        budget.limit,
    )
    .fetch_optional(db)
    .await
}

/// Whether an admin locked the account.
pub async fn is_barred(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM attempts
               WHERE tenant_id = $1 AND user_id = $2 AND by_admin) AS "barred!""#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Gives a charge back: the answer was right, or was never checked. Answers
/// whether an admin has locked the account of the user.
pub async fn refund(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    budgets: &[Budget],
    user: Id<User>,
) -> sqlx::Result<bool> {
    let ids: Vec<_> = budgets.iter().map(|budget| budget.id).collect();
    sqlx::query_scalar!(
        // In the order in which they are charged: two never wait for each other.
        r#"WITH mine AS (
               SELECT user_id FROM attempts WHERE tenant_id = $1 AND user_id = ANY($2)
               ORDER BY array_position($2::uuid[], user_id) FOR UPDATE),
           refunded AS (
               UPDATE attempts a SET pending = greatest(a.pending - 1, 0) FROM mine
               WHERE a.tenant_id = $1 AND a.user_id = mine.user_id)
           SELECT EXISTS (SELECT FROM attempts
               WHERE tenant_id = $1 AND user_id = $3 AND by_admin) AS "barred!""#,
        tenant.uuid(),
        &ids,
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Turns a charge into a wrong answer. How many there are now.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>, budget: Budget) -> sqlx::Result<i32> {
    let failures = sqlx::query_scalar!(
        "UPDATE attempts SET failures = failures + 1, pending = greatest(pending - 1, 0)
         WHERE tenant_id = $1 AND user_id = $2 RETURNING failures",
        tenant.uuid(),
        budget.id,
    )
    .fetch_optional(db)
    .await?;
    Ok(failures.unwrap_or_default())
}

/// Turns a charge into a wrong answer. Where that was the last of the budget,
/// the account is locked: for as long as `lock`, or until an admin unlocks it;
/// and where it was the last in a row, in any case for good.
pub async fn fail(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    budget: Budget,
    lock: Option<Duration>,
    second_factor: bool,
) -> sqlx::Result<Option<Locked>> {
    let row = sqlx::query!(
        r#"WITH held AS (
               SELECT user_id, CASE
                   WHEN unlock_time = 'infinity' THEN NULL
                   WHEN in_a_row + 1 >= $5::integer - $6 * (
                       SELECT count(*) FROM devices d WHERE d.tenant_id = $1 AND d.user_id = $2)
                       THEN 'infinity'
                   WHEN failures + 1 >= $3 AND unlock_time IS NULL
                       THEN coalesce(clock() + $4 * interval '1 second', 'infinity')
                   END AS lock_end
               FROM attempts WHERE tenant_id = $1 AND user_id = $2 FOR UPDATE)
           UPDATE attempts a SET
             failures = a.failures + 1,
             in_a_row = a.in_a_row + CASE WHEN $5::integer IS NULL THEN 0 ELSE 1 END,
             factors_in_a_row = a.factors_in_a_row
                 + CASE WHEN $5::integer IS NULL OR NOT $7 THEN 0 ELSE 1 END,
             pending = greatest(a.pending - 1, 0),
             lock_time = CASE WHEN held.lock_end IS NULL THEN a.lock_time ELSE clock() END,
             unlock_time = coalesce(held.lock_end, a.unlock_time),
             window_end_time = coalesce(held.lock_end, a.window_end_time)
           FROM held WHERE a.tenant_id = $1 AND a.user_id = held.user_id
           RETURNING held.lock_end IS NOT NULL AS "locked!",
             CASE WHEN isfinite(a.unlock_time) THEN a.unlock_time END AS unlock_time"#,
        tenant.uuid(),
        budget.id,
        budget.limit,
        lock.map(|lock| lock.as_secs_f64()),
        budget.most_in_a_row,
        i64::from(WRONG_ANSWERS),
        second_factor,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.locked).map(|row| Locked {
        unlock_time: row.unlock_time,
    }))
}

/// Begins the wrong passwords in a row anew: the user set one through a mailed
/// link. Opens a lock that lasts, unless an admin set it, the tenant's policy
/// leaves all of them to admins, or second factors alone were as many. `true`
/// where there was one.
pub async fn forgive(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    let opened = sqlx::query_scalar!(
        r#"WITH held AS (
               SELECT a.user_id, coalesce(a.unlock_time = 'infinity', false) AND NOT a.by_admin
                   AND t.lockout_duration > interval '0'
                   AND a.factors_in_a_row < $3 - $4 * (
                       SELECT count(*) FROM devices d
                       WHERE d.tenant_id = a.tenant_id AND d.user_id = a.user_id) AS opens
               FROM attempts a JOIN tenants t ON t.tenant_id = a.tenant_id
               WHERE a.tenant_id = $1 AND a.user_id = $2 FOR UPDATE OF a)
           UPDATE attempts a SET
             in_a_row = a.factors_in_a_row,
             lock_time = CASE WHEN held.opens THEN NULL ELSE a.lock_time END,
             unlock_time = CASE WHEN held.opens THEN NULL ELSE a.unlock_time END,
             window_end_time = CASE WHEN held.opens THEN clock() ELSE a.window_end_time END
           FROM held WHERE a.tenant_id = $1 AND a.user_id = held.user_id
           RETURNING held.opens AS "opens!""#,
        tenant.uuid(),
        user.uuid(),
        i64::from(IN_A_ROW),
        i64::from(WRONG_ANSWERS),
    )
    .fetch_optional(db)
    .await?;
    Ok(opened.unwrap_or(false))
}

/// Locks an account until an admin unlocks it. `false` where one did before.
pub async fn lock(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO attempts AS a (tenant_id, user_id, failures, pending, lease_end_time,
             window_end_time, lock_time, unlock_time, by_admin)
         VALUES ($1, $2, 0, 0, clock(), 'infinity', clock(), 'infinity', true)
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET
             window_end_time = 'infinity',
             lock_time = CASE WHEN a.unlock_time > clock() THEN a.lock_time ELSE clock() END,
             unlock_time = 'infinity',
             by_admin = true
         WHERE NOT a.by_admin",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
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

/// Removes counts whose window is over, of all tenants: for a worker. Those in a
/// row stay until the user logs in.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM attempts WHERE (tenant_id, user_id) IN (
             SELECT tenant_id, user_id FROM attempts
             WHERE window_end_time < clock() - interval '1 hour' AND in_a_row = 0
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

//! The devices from which users log in.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Device, Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A device that a user is known by.
pub struct Row {
    /// The device.
    pub id: Id<Device>,
    /// The user.
    pub user_id: Id<User>,
    /// What it called itself.
    pub name: String,
    /// The address of the last login.
    pub address: String,
    /// When the user first logged in from it.
    pub create_time: DateTime<Utc>,
    /// When the user last logged in from it.
    pub last_use_time: DateTime<Utc>,
    /// Until when it skips the second factor; absent where it does not.
    pub trust_end_time: Option<DateTime<Utc>>,
}

/// What a device is made of.
pub struct New<'a> {
    /// The device's id.
    pub id: Id<Device>,
    /// The user.
    pub user: Id<User>,
    /// The keyed hash of its token.
    pub token_hash: &'a [u8],
    /// What it calls itself.
    pub name: &'a str,
    /// The address of the client.
    pub address: &'a str,
}

/// Adds a device of a user, who is known by no more than so many: forgotten are
/// first those that never came back with their token, then those that were not
/// used for longest, and trusted ones last. Whether the user should hear of it:
/// they have logged in before, and none of their devices looks like this one.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    new: New<'_>,
    most: i64,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"WITH forgotten AS (
               DELETE FROM devices WHERE tenant_id = $1 AND user_id = $3 AND id IN (
                   SELECT id FROM devices WHERE tenant_id = $1 AND user_id = $3
                   ORDER BY coalesce(trust_end_time > clock(), false) DESC,
                       last_use_time > create_time DESC, last_use_time DESC, id DESC
                   OFFSET $7::bigint - 1))
           INSERT INTO devices (tenant_id, id, user_id, token_hash, name, address)
           VALUES ($1, $2, $3, $4, $5, $6)
           RETURNING (
               SELECT u.last_login_time IS NOT NULL AND NOT EXISTS (
                   SELECT FROM devices d WHERE d.tenant_id = $1 AND d.user_id = $3
                       AND d.name = $5 AND d.address = $6)
               FROM users u WHERE u.tenant_id = $1 AND u.id = $3) AS "unfamiliar!""#,
        tenant.uuid(),
        new.id.uuid(),
        new.user.uuid(),
        new.token_hash,
        new.name,
        new.address,
        most,
    )
    .fetch_one(db)
    .await
}

/// Trusts a device from now on. Until when.
pub async fn trust(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Device>,
    duration: Duration,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    let end = sqlx::query_scalar!(
        "UPDATE devices SET trust_end_time = clock() + $3 * interval '1 second'
         WHERE tenant_id = $1 AND id = $2 RETURNING trust_end_time",
        tenant.uuid(),
        id.uuid(),
        duration.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?;
    Ok(end.flatten())
}

/// Trusts no device of a user any more.
pub async fn distrust_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE devices SET trust_end_time = NULL
         WHERE tenant_id = $1 AND user_id = $2 AND trust_end_time IS NOT NULL",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The devices of a user, newest first, those before a place, or after it with
/// the nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    place: Option<(DateTime<Utc>, Uuid)>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (time, id) = place.unzip();
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: Id<Device>", user_id AS "user_id: Id<User>", name, address, create_time,
               last_use_time,
               CASE WHEN trust_end_time > clock() THEN trust_end_time END AS trust_end_time
           FROM devices
           WHERE tenant_id = $1 AND user_id = $2
             AND ($3::timestamptz IS NULL
                  OR CASE WHEN $5 THEN (create_time, id) > ($3, $4) ELSE (create_time, id) < ($3, $4) END)
           ORDER BY CASE WHEN $5 THEN create_time END, CASE WHEN $5 THEN id END,
                    create_time DESC, id DESC
           LIMIT $6"#,
        tenant.uuid(),
        user.uuid(),
        time,
        id,
        backward,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many devices a user is known by.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM devices WHERE tenant_id = $1 AND user_id = $2"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Forgets a device of a user. `false` where there is none.
pub async fn delete(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    id: Id<Device>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM devices WHERE tenant_id = $1 AND user_id = $2 AND id = $3",
        tenant.uuid(),
        user.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets all devices of a user. How many there were.
pub async fn delete_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM devices WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes devices that were not used for so long, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, unused: Duration, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM devices WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM devices WHERE last_use_time < clock() - $1 * interval '1 second'
             LIMIT $2 FOR UPDATE SKIP LOCKED)",
        unused.as_secs_f64(),
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

//! The users and service accounts of a tenant, as far as roles concern them.

use chrono::{DateTime, Utc};
use contract::identity::{Tenant, User};
use rpc::Id;
use sqlx::PgConnection;

/// Whether a user may be given roles: is known, and not deleted.
pub async fn exists(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM subjects WHERE tenant_id = $1 AND user_id = $2 AND NOT erased) AS "exists!""#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Adds those users who are not there; what is known of others stays, deletion
/// too.
pub async fn learn(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
    suspended: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO subjects (tenant_id, user_id, suspended) SELECT $1, u, $3 FROM unnest($2::uuid[]) u
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        users as _,
        suspended,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a service account that is not there, or says of a subject that it is one.
pub async fn learn_service_account(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    suspended: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO subjects (tenant_id, user_id, suspended, service_account) VALUES ($1, $2, $3, true)
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET service_account = true",
        tenant.uuid(),
        id.uuid(),
        suspended,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts a user to rest or ends it; false where nothing changed. Who is enabled
/// again does not leave any more.
pub async fn suspend(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    suspended: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO subjects AS s (tenant_id, user_id, suspended) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, user_id) DO UPDATE
             SET suspended = $3, leave_time = CASE WHEN $3 THEN s.leave_time END
         WHERE NOT s.erased AND s.suspended <> $3",
        tenant.uuid(),
        user.uuid(),
        suspended,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Notes that an admin locked the account of a user, or that it was unlocked. Who
/// was unlocked does not leave any more.
pub async fn lock(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    locked: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO subjects AS s (tenant_id, user_id, locked) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, user_id) DO UPDATE
             SET locked = $3, leave_time = CASE WHEN $3 THEN s.leave_time END
         WHERE NOT s.erased AND s.locked <> $3",
        tenant.uuid(),
        user.uuid(),
        locked,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Marks a user as deleted.
pub async fn erase(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO subjects AS s (tenant_id, user_id, erased) VALUES ($1, $2, true)
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET erased = true, suspended = false WHERE NOT s.erased",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that identity was let disable, lock or delete a user.
pub async fn leave(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE subjects SET leave_time = clock() WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether identity was let disable, lock or delete a user, and nothing came since
/// that undid it.
pub async fn leaves(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM subjects
             WHERE tenant_id = $1 AND user_id = $2 AND leave_time IS NOT NULL) AS "leaves!""#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Somebody whom identity was let disable, lock or delete.
pub struct Leaver {
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The user.
    pub user: Id<User>,
    /// When that was.
    pub leave_time: DateTime<Utc>,
}

/// Some of those of whom nothing was heard from identity for so many seconds,
/// the oldest first; of all tenants: for a worker.
pub async fn late_leavers(
    db: &mut PgConnection,
    seconds: f64,
    most: i64,
) -> sqlx::Result<Vec<Leaver>> {
    sqlx::query_as!(
        Leaver,
        r#"SELECT tenant_id AS "tenant: Id<Tenant>", user_id AS "user: Id<User>", leave_time AS "leave_time!"
           FROM subjects
           WHERE leave_time < clock() - make_interval(secs => $1)
             AND NOT suspended AND NOT locked AND NOT erased
           ORDER BY leave_time LIMIT $2"#,
        seconds,
        most,
    )
    .fetch_all(db)
    .await
}

/// The user stays after all; unless they were let go again since.
pub async fn stay(db: &mut PgConnection, leaver: &Leaver) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE subjects SET leave_time = NULL WHERE tenant_id = $1 AND user_id = $2 AND leave_time = $3",
        leaver.tenant.uuid(),
        leaver.user.uuid(),
        leaver.leave_time,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is known of users to whom roles are to be given.
pub struct Standing {
    /// The user.
    pub user: Id<User>,
    /// Whether the user was deleted.
    pub erased: bool,
    /// Whether the user holds a role or waits for one.
    pub bound: bool,
    /// Whether the user uses a seat.
    pub seated: bool,
}

/// What is known of those users of whom anything is.
pub async fn standings(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
) -> sqlx::Result<Vec<Standing>> {
    sqlx::query_as!(
        Standing,
        r#"SELECT s.user_id AS "user: Id<User>", s.erased,
             EXISTS (SELECT FROM role_bindings b WHERE b.tenant_id = $1 AND b.user_id = s.user_id) AS "bound!",
             EXISTS (SELECT FROM seat_holders h WHERE h.tenant_id = $1 AND h.user_id = s.user_id) AS "seated!"
           FROM subjects s WHERE s.tenant_id = $1 AND s.user_id = ANY($2)"#,
        tenant.uuid(),
        users as _,
    )
    .fetch_all(db)
    .await
}

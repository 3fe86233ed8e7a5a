//! Password hashes, those in force and those before them.

use std::time::Duration;

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::passwords::Kept;

/// The password of a user who can log in.
pub struct Row {
    /// Which it is: another with every password.
    pub id: Uuid,
    /// What it is checked against.
    pub kept: Kept,
}

/// A row of which all is there, or nothing.
pub fn row(id: Option<Uuid>, hash: Option<String>, key_version: Option<i16>) -> Option<Row> {
    let (id, hash, key_version) = (id?, hash?, key_version?);
    let kept = Kept { hash, key_version };
    Some(Row { id, kept })
}

/// A password to be set.
pub struct New {
    /// What it will be checked against.
    pub kept: Kept,
    /// For a temporary one, how long it holds. It must be changed at the next
    /// login.
    pub temporary: Option<Duration>,
}

/// Sets the first password of a user. Which it is.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    new: &New,
) -> sqlx::Result<Uuid> {
    sqlx::query_scalar!(
        "INSERT INTO passwords (tenant_id, user_id, hash, key_version, temporary, expire_time)
         VALUES ($1, $2, $3, $4, $5::double precision IS NOT NULL, clock() + $5 * interval '1 second')
         RETURNING id",
        tenant.uuid(),
        user.uuid(),
        new.kept.hash,
        new.kept.key_version,
        new.temporary.map(|lifetime| lifetime.as_secs_f64()),
    )
    .fetch_one(db)
    .await
}

/// Sets the password of a user in place of another, or the first. Of those
/// before, `keep` stay known. The row of the user must be locked.
pub async fn replace(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    new: &New,
    keep: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH former AS (
             INSERT INTO former_passwords (tenant_id, user_id, id, hash, key_version)
             SELECT tenant_id, user_id, id, hash, key_version FROM passwords
             WHERE tenant_id = $1 AND user_id = $2 AND NOT temporary)
         INSERT INTO passwords (tenant_id, user_id, hash, key_version, temporary, expire_time)
         VALUES ($1, $2, $3, $4, $5::double precision IS NOT NULL, clock() + $5 * interval '1 second')
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET
             id = excluded.id, hash = excluded.hash, key_version = excluded.key_version,
             temporary = excluded.temporary, expire_time = excluded.expire_time,
             notice_time = NULL, change_time = clock()",
        tenant.uuid(),
        user.uuid(),
        new.kept.hash,
        new.kept.key_version,
        new.temporary.map(|lifetime| lifetime.as_secs_f64()),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM former_passwords WHERE tenant_id = $1 AND user_id = $2 AND id NOT IN (
             SELECT id FROM former_passwords WHERE tenant_id = $1 AND user_id = $2
             ORDER BY end_time DESC, id LIMIT $3)",
        tenant.uuid(),
        user.uuid(),
        keep,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps another hash of the same password, unless the password was changed or
/// somebody else did so meanwhile.
pub async fn rehash(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    before: &Row,
    kept: &Kept,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE passwords SET hash = $5, key_version = $6
         WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND hash = $4",
        tenant.uuid(),
        user.uuid(),
        before.id,
        before.kept.hash,
        kept.hash,
        kept.key_version,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends the password of a user where it is a temporary one. Whether it is. The row
/// of the user must be locked.
pub async fn end_temporary(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE passwords SET expire_time = clock()
         WHERE tenant_id = $1 AND user_id = $2 AND temporary",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The password of a user who can log in with it.
pub async fn current(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<Row>> {
    let own = sqlx::query!(
        "SELECT p.id, p.hash, p.key_version FROM passwords p
         JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
         WHERE p.tenant_id = $1 AND p.user_id = $2 AND u.status = 'ACTIVE'
           AND (p.expire_time IS NULL OR p.expire_time > clock())",
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(own.and_then(|own| row(Some(own.id), Some(own.hash), Some(own.key_version))))
}

/// What a new password must not be: the one in force, and so many before it.
pub async fn taken(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    former: i64,
) -> sqlx::Result<Vec<Kept>> {
    sqlx::query_as!(
        Kept,
        r#"SELECT hash AS "hash!", key_version AS "key_version!" FROM (
               SELECT hash, key_version FROM passwords WHERE tenant_id = $1 AND user_id = $2) AS now
           UNION ALL
           SELECT hash, key_version FROM (
               SELECT hash, key_version FROM former_passwords
               WHERE tenant_id = $1 AND user_id = $2 ORDER BY end_time DESC, id LIMIT $3) AS before"#,
        tenant.uuid(),
        user.uuid(),
        former,
    )
    .fetch_all(db)
    .await
}

/// The hash of an invited user's first password, where it was set lately.
pub async fn lately_set(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<Row>> {
    let own = sqlx::query!(
        "SELECT p.id, p.hash, p.key_version FROM passwords p
         JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
         WHERE p.tenant_id = $1 AND p.user_id = $2 AND u.status = 'ACTIVE'
           AND p.change_time = u.setup_time AND u.setup_time > clock() - interval '10 minutes'",
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(own.and_then(|own| row(Some(own.id), Some(own.hash), Some(own.key_version))))
}

/// Forgets that users were told of passwords that, with another age, are to be
/// changed later than soon: they are told again then. None where they do not get
/// too old.
pub async fn untell(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    max_age: Option<Duration>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE passwords SET notice_time = NULL
         WHERE tenant_id = $1 AND notice_time IS NOT NULL
           AND ($2::double precision IS NULL
                OR change_time > clock() - $2 * interval '1 second'
                    + least(interval '14 days', $2 * interval '1 second' / 4))",
        tenant.uuid(),
        max_age.map(|age| age.as_secs_f64()),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Claims passwords that must be changed soon and whose users were not told, of
/// all tenants: for a worker. Soon is within two weeks, and within the last
/// quarter of the time that a password holds.
pub async fn claim_expiring(
    db: &mut PgConnection,
    at_most: i64,
) -> sqlx::Result<Vec<(Id<Tenant>, Id<User>)>> {
    let rows = sqlx::query!(
        // Tenant by tenant: together they would be looked for in all passwords.
        r#"WITH due AS (
               SELECT d.tenant_id, d.user_id FROM tenants t CROSS JOIN LATERAL (
                   SELECT p.tenant_id, p.user_id FROM passwords p
                   JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
                   WHERE p.tenant_id = t.tenant_id
                     AND p.change_time > clock() - t.password_max_age
                     AND p.change_time <= clock() - t.password_max_age
                         + least(interval '14 days', t.password_max_age / 4)
                     AND p.notice_time IS NULL AND NOT p.temporary AND p.expire_time IS NULL
                     AND u.status = 'ACTIVE'
                   LIMIT $1 FOR UPDATE OF p SKIP LOCKED) d
               WHERE t.password_max_age > interval '0' LIMIT $1)
           UPDATE passwords p SET notice_time = clock() FROM due
           WHERE p.tenant_id = due.tenant_id AND p.user_id = due.user_id
           RETURNING p.tenant_id AS "tenant_id: Id<Tenant>", p.user_id AS "user_id: Id<User>""#,
        at_most,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant_id, row.user_id))
        .collect())
}

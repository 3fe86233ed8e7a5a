//! Temporary passwords that are to be mailed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A mail that is still to be written.
pub struct Row {
    /// To whom.
    pub user_id: Id<User>,
    /// The sealed password; `None` where one is to be generated.
    pub password: Option<Vec<u8>>,
    /// The sealed address of who gets a copy.
    pub copy_email: Option<Vec<u8>>,
    /// When it is needed no more.
    pub expire_time: DateTime<Utc>,
}

/// A mail to be written.
pub struct New {
    /// The mail's id.
    pub id: Uuid,
    /// To whom.
    pub user: Id<User>,
    /// The sealed password and which it is, where one was specified.
    pub password: Option<(Vec<u8>, Uuid)>,
    /// The sealed address of who gets a copy.
    pub copy_email: Option<Vec<u8>>,
}

/// Asks for a mail.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    new: New,
    lifetime: Duration,
) -> sqlx::Result<()> {
    let (password, password_id) = new.password.unzip();
    sqlx::query!(
        "INSERT INTO password_mails
             (tenant_id, id, user_id, password, password_id, copy_email, expire_time)
         VALUES ($1, $2, $3, $4, $5, $6, clock() + $7 * interval '1 second')",
        tenant.uuid(),
        new.id,
        new.user.uuid(),
        password,
        password_id,
        new.copy_email,
        lifetime.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A mail that is still needed: it was not sent, and the user has set no
/// password of their own since it was asked for.
pub async fn pending(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Uuid,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT m.user_id AS "user_id: Id<User>", m.password, m.copy_email,
               m.expire_time
           FROM password_mails m
           JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
           LEFT JOIN passwords p ON p.tenant_id = m.tenant_id AND p.user_id = m.user_id
           WHERE m.tenant_id = $1 AND m.id = $2 AND m.end_time IS NULL AND m.expire_time > clock()
             AND u.status = 'ACTIVE'
             AND (m.password_id IS NULL OR m.password_id = p.id)
             AND (p.id IS NULL OR p.temporary OR p.change_time < m.request_time)"#,
        tenant.uuid(),
        id,
    )
    .fetch_optional(db)
    .await
}

/// Ends a mail, and with it what is sealed.
pub async fn end(db: &mut PgConnection, tenant: Id<Tenant>, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE password_mails SET end_time = clock(), password = NULL, copy_email = NULL
         WHERE tenant_id = $1 AND id = $2 AND end_time IS NULL",
        tenant.uuid(),
        id,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends all mails to a user: their password is another now.
pub async fn end_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE password_mails SET end_time = clock(), password = NULL, copy_email = NULL
         WHERE tenant_id = $1 AND user_id = $2 AND end_time IS NULL",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends the mails to a user that bring a password which was specified for them.
pub async fn end_specified(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE password_mails SET end_time = clock(), password = NULL, copy_email = NULL
         WHERE tenant_id = $1 AND user_id = $2 AND end_time IS NULL AND password_id IS NOT NULL",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes mails that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM password_mails WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM password_mails WHERE expire_time < clock()
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

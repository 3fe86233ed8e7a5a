//! The life of a user: each change guards itself.

use contract::{
    Id,
    identity::{Device, Tenant, User},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::Details;
use crate::{properties::values::Values, users::names::Names};

/// Adds a user who can log in at once (`ready`) or one who is invited. `None`
/// where the address or the username is taken.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    names: &Names,
    details: &Details,
    ready: bool,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "INSERT INTO users (tenant_id, id, first_name, last_name, username, email, language,
             username_key, email_key, sort_key, setup_time, phone, time_zone,
             avatar_uri, active_directory_id, classification_level_id, properties)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $11 THEN clock() END, $12, $13,
             $14, $15, $16, $17)
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        id.uuid(),
        names.first_name,
        names.last_name,
        names.username,
        names.email,
        details.language,
        names.username_key,
        names.email_key,
        names.sort_key,
        ready,
        details.phone,
        details.time_zone,
        details.avatar_uri,
        details.active_directory_id,
        details.classification_level_id,
        Json(&details.properties) as Json<&Values>,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Makes an invited user active under the names given. `None` where the user
/// is not invited.
pub async fn finish_setup(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    names: &Names,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE users SET setup_time = clock(), first_name = $3, last_name = $4, sort_key = $5,
             update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND status = 'INVITED'",
        tenant.uuid(),
        id.uuid(),
        names.first_name,
        names.last_name,
        names.sort_key,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Disables a user. `None` where there is nobody to disable.
pub async fn disable(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE users SET disable_time = clock(), update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND disable_time IS NULL",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Enables a disabled user. `None` where there is nobody to enable.
pub async fn enable(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE users SET disable_time = NULL, update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND disable_time IS NOT NULL",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Notes that the user logged in now, from a device and an address, and forgets
/// the wrong answers before that: those of the budget, and those in a row, unless
/// the account is locked for good. Answers being checked stay charged. All in one
/// statement: every login does it.
pub async fn logged_in(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    device: Id<Device>,
    address: &str,
    budget: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH seen AS (
             UPDATE users SET last_login_time = clock() WHERE tenant_id = $1 AND id = $2),
         used AS (
             UPDATE devices SET last_use_time = clock(), address = $4
             WHERE tenant_id = $1 AND id = $3)
         UPDATE attempts SET
             failures = CASE WHEN user_id = $5 AND unlock_time IS NULL THEN 0 ELSE failures END,
             in_a_row = 0, factors_in_a_row = 0
         WHERE tenant_id = $1 AND user_id IN ($2, $5) AND unlock_time IS DISTINCT FROM 'infinity'
             AND (in_a_row > 0 OR user_id = $5 AND failures > 0)",
        tenant.uuid(),
        id.uuid(),
        device.uuid(),
        address,
        budget,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes a user and all that hangs on them. `None` where there is none.
pub async fn delete(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "DELETE FROM users WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid()
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

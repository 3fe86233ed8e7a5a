//! Enrolled authenticators.

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;

/// Keeps a user's authenticator, whose code of `step` was accepted, in place of
/// another.
pub async fn set(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    secret: &[u8],
    step: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO totp_factors (tenant_id, user_id, secret, last_step) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET secret = excluded.secret,
             last_step = excluded.last_step, enrol_time = clock()",
        tenant.uuid(),
        user.uuid(),
        secret,
        step,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a user's authenticator. `false` where there is none.
pub async fn remove(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM totp_factors WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The sealed secret of a user's authenticator.
pub async fn secret(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        "SELECT secret FROM totp_factors WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Uses up the code of a step. `false` where that code or a later one was used
/// before (RFC 6238, section 5.2): of a hundred at the same time, one is true.
pub async fn use_step(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    step: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE totp_factors SET last_step = $3 WHERE tenant_id = $1 AND user_id = $2 AND last_step < $3",
        tenant.uuid(),
        user.uuid(),
        step,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

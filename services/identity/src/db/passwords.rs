//! Password hashes.

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;

/// Sets a user's password, the first or another.
pub async fn set(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    hash: &str,
    key_version: i16,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO passwords (tenant_id, user_id, hash, key_version) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, user_id)
         DO UPDATE SET hash = excluded.hash, key_version = excluded.key_version, change_time = clock()",
        tenant.uuid(),
        user.uuid(),
        hash,
        key_version,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The hash of a user's password, where they have one.
pub async fn hash(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT hash FROM passwords WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// The hash of an invited user's first password, where it was set lately.
pub async fn lately_set(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT p.hash FROM passwords p
         JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
         WHERE p.tenant_id = $1 AND p.user_id = $2 AND u.status = 'ACTIVE'
           AND p.change_time = u.setup_time AND u.setup_time > clock() - interval '10 minutes'",
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

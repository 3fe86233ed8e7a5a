//! Recovery codes that were not used.

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;

/// Puts new codes in place of all that a user had.
pub async fn replace(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    hashes: &[Vec<u8>],
) -> sqlx::Result<()> {
    erase(db, tenant, user).await?;
    sqlx::query!(
        "INSERT INTO recovery_codes (tenant_id, user_id, code_hash)
         SELECT $1, $2, hash FROM unnest($3::bytea[]) AS hash",
        tenant.uuid(),
        user.uuid(),
        hashes,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Uses a code up. `false` where the user has none such: of a hundred at the
/// same time, one is true.
pub async fn use_up(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    hash: &[u8],
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2 AND code_hash = $3",
        tenant.uuid(),
        user.uuid(),
        hash,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many codes a user has left.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Removes all codes of a user.
pub async fn erase(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

//! Password resets: the tokens of their links.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A token that can be used.
pub struct Token {
    /// The token's id.
    pub id: Uuid,
    /// The tenant of the user.
    pub tenant_id: Id<Tenant>,
    /// The user.
    pub user_id: Id<User>,
}

/// Keeps a token. When it ends.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Uuid,
    user: Id<User>,
    token_hash: &[u8],
    lifetime: Duration,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        "INSERT INTO reset_tokens (tenant_id, id, user_id, token_hash, expire_time)
         VALUES ($1, $2, $3, $4, clock() + $5 * interval '1 second') RETURNING expire_time",
        tenant.uuid(),
        id,
        user.uuid(),
        token_hash,
        lifetime.as_secs_f64(),
    )
    .fetch_one(db)
    .await
}

/// Finds a token that can be used, in any tenant: for a worker.
pub async fn by_token(db: &mut PgConnection, token_hash: &[u8]) -> sqlx::Result<Option<Token>> {
    sqlx::query_as!(
        Token,
        r#"SELECT r.id, r.tenant_id AS "tenant_id: Id<Tenant>", r.user_id AS "user_id: Id<User>"
           FROM reset_tokens r
           JOIN users u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
           WHERE r.token_hash = $1 AND r.use_time IS NULL AND r.expire_time > clock()
             AND u.status = 'ACTIVE'"#,
        token_hash,
    )
    .fetch_optional(db)
    .await
}

/// Uses a token up. `false` where it was used before or is too old: of many
/// at the same time, one is true.
pub async fn redeem(db: &mut PgConnection, tenant: Id<Tenant>, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE reset_tokens SET use_time = clock()
         WHERE tenant_id = $1 AND id = $2 AND use_time IS NULL AND expire_time > clock()",
        tenant.uuid(),
        id,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a password that was refused for a token, which ends with the last of so
/// many.
pub async fn refuse(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Uuid,
    at_most: i32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE reset_tokens SET refusals = refusals + 1,
             expire_time = CASE WHEN refusals + 1 >= $3 THEN clock() ELSE expire_time END
         WHERE tenant_id = $1 AND id = $2 AND expire_time > clock()",
        tenant.uuid(),
        id,
        at_most,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends all tokens of a user that were not used.
pub async fn end_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM reset_tokens WHERE tenant_id = $1 AND user_id = $2 AND use_time IS NULL",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes tokens that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM reset_tokens WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM reset_tokens WHERE expire_time < clock() - interval '1 hour'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

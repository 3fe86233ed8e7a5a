//! Password resets: how many were asked for, and the tokens of their links.

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

/// Counts a mail that is asked for. `false` where the user had `at_most` in
/// the last hour. The row of the user must be locked, so that two at the same
/// time do not both count as the last.
pub async fn count_request(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Uuid,
    user: Id<User>,
    at_most: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO reset_requests (tenant_id, id, user_id)
         SELECT $1, $2, $3 WHERE (
             SELECT count(*) FROM reset_requests
             WHERE tenant_id = $1 AND user_id = $3 AND request_time > clock() - interval '1 hour') < $4",
        tenant.uuid(),
        id,
        user.uuid(),
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
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

/// Removes tokens and counts that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let tokens = sqlx::query!(
        "DELETE FROM reset_tokens WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM reset_tokens WHERE expire_time < clock() - interval '1 hour'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(&mut *db)
    .await?;
    let requests = sqlx::query!(
        "DELETE FROM reset_requests WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM reset_requests WHERE request_time < clock() - interval '2 hours'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(tokens.rows_affected().max(requests.rows_affected()))
}

//! Codes that were sent by SMS and not used.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;

use crate::factors::sms::{Holder, Purpose};

/// Keeps a code, in place of the one that was sent before. When it ends.
pub async fn set(
    db: &mut PgConnection,
    holder: Holder,
    purpose: Purpose,
    number: &str,
    code_hash: &[u8],
    lifetime: Duration,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        "INSERT INTO sms_codes (tenant_id, holder_id, purpose, user_id, number, code_hash, expire_time)
         VALUES ($1, $2, $3, $4, $5, $6, clock() + $7 * interval '1 second')
         ON CONFLICT (tenant_id, holder_id, purpose) DO UPDATE SET number = excluded.number,
             code_hash = excluded.code_hash, expire_time = excluded.expire_time
         RETURNING expire_time",
        holder.tenant.uuid(),
        holder.id,
        purpose.name(),
        holder.user.uuid(),
        number,
        code_hash,
        lifetime.as_secs_f64(),
    )
    .fetch_one(db)
    .await
}

/// Uses a code up and answers the number that it was sent to. `None` where it is
/// another, was used, or is over: of a hundred at the same time, one is `Some`.
pub async fn use_up(
    db: &mut PgConnection,
    holder: Holder,
    purpose: Purpose,
    code_hash: &[u8],
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "DELETE FROM sms_codes
         WHERE tenant_id = $1 AND holder_id = $2 AND purpose = $3 AND user_id = $4
           AND code_hash = $5 AND expire_time > clock()
         RETURNING number",
        holder.tenant.uuid(),
        holder.id,
        purpose.name(),
        holder.user.uuid(),
        code_hash,
    )
    .fetch_optional(db)
    .await
}

/// Ends all codes of a user.
pub async fn erase(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM sms_codes WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes codes that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM sms_codes WHERE (tenant_id, holder_id, purpose) IN (
             SELECT tenant_id, holder_id, purpose FROM sms_codes WHERE expire_time < clock()
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

//! Messages to phones: the queue, and the count of what was sent.

use std::time::Duration;

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::factors::sms::Holder;

/// A message to send now.
pub struct Claimed {
    /// The tenant of the user.
    pub tenant_id: Id<Tenant>,
    /// The message.
    pub id: Uuid,
    /// The user who asked for it.
    pub user_id: Id<User>,
    /// Number and text, sealed.
    pub content: Vec<u8>,
    /// This attempt included.
    pub attempts: i32,
}

/// Waits for whoever else sends to this number, until the transaction ends.
pub async fn lock_number(db: &mut PgConnection, number_hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))",
        number_hash
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many seconds there are until one more message may go to a number or be
/// asked for by a user, who may have so many within a time. `None` where one may
/// go now.
pub async fn wait(
    db: &mut PgConnection,
    holder: Holder,
    number_hash: &[u8],
    most: i32,
    within: Duration,
) -> sqlx::Result<Option<f64>> {
    // The message that must be older than that, for one more to go.
    let seconds = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM max(time) + $5 * interval '1 second' - clock())::float8
           FROM (SELECT (array_agg(create_time ORDER BY create_time DESC))[$4] AS time
                 FROM sms_messages WHERE tenant_id = $1 AND number_hash = $3
                     AND create_time > clock() - $5 * interval '1 second'
                 UNION ALL
                 SELECT (array_agg(create_time ORDER BY create_time DESC))[$4]
                 FROM sms_messages WHERE tenant_id = $1 AND user_id = $2
                     AND create_time > clock() - $5 * interval '1 second') AS counted"#,
        holder.tenant.uuid(),
        holder.user.uuid(),
        number_hash,
        most,
        within.as_secs_f64(),
    )
    .fetch_one(db)
    .await?;
    Ok(seconds)
}

/// The user's language and the name of their tenant.
pub async fn words(db: &mut PgConnection, holder: Holder) -> sqlx::Result<(String, String)> {
    let row = sqlx::query!(
        "SELECT u.language, t.display_name FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id
         WHERE u.tenant_id = $1 AND u.id = $2",
        holder.tenant.uuid(),
        holder.user.uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok((row.language, row.display_name))
}

/// Queues a message.
pub async fn insert(
    db: &mut PgConnection,
    holder: Holder,
    id: Uuid,
    number_hash: &[u8],
    content: &[u8],
    lifetime: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO sms_messages (tenant_id, id, user_id, number_hash, content, expire_time)
         VALUES ($1, $2, $3, $4, $5, clock() + $6 * interval '1 second')",
        holder.tenant.uuid(),
        id,
        holder.user.uuid(),
        number_hash,
        content,
        lifetime.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Claims up to `most` messages that are due, of all tenants: for a worker.
pub async fn claim(
    db: &mut PgConnection,
    lease: Uuid,
    length: Duration,
    most: i64,
) -> sqlx::Result<Vec<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"UPDATE sms_messages SET attempts = attempts + 1, lease_token = $1,
               lease_time = clock() + $2 * interval '1 second'
           WHERE (tenant_id, id) IN (
               SELECT tenant_id, id FROM sms_messages
               WHERE state = 'QUEUED' AND next_attempt_time <= clock() AND expire_time > clock()
                   AND (lease_time IS NULL OR lease_time <= clock())
               ORDER BY next_attempt_time LIMIT $3 FOR UPDATE SKIP LOCKED)
           RETURNING tenant_id AS "tenant_id: Id<Tenant>", id, user_id AS "user_id: Id<User>",
               content AS "content!", attempts"#,
        lease,
        length.as_secs_f64(),
        most,
    )
    .fetch_all(db)
    .await
}

/// It is over with a message: `SENT` or `FAILED`. Its content is gone. `false`
/// where the lease was lost.
pub async fn end(
    db: &mut PgConnection,
    message: &Claimed,
    lease: Uuid,
    state: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE sms_messages SET state = $4, content = NULL, lease_time = NULL, lease_token = NULL
         WHERE tenant_id = $1 AND id = $2 AND lease_token = $3",
        message.tenant_id.uuid(),
        message.id,
        lease,
        state,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It is tried again after a pause.
pub async fn later(
    db: &mut PgConnection,
    message: &Claimed,
    lease: Uuid,
    pause: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sms_messages SET next_attempt_time = clock() + $4 * interval '1 second',
             lease_time = NULL, lease_token = NULL
         WHERE tenant_id = $1 AND id = $2 AND lease_token = $3",
        message.tenant_id.uuid(),
        message.id,
        lease,
        pause.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives up messages whose code is over, of all tenants: for a worker. Answers
/// whose they were.
pub async fn expire(
    db: &mut PgConnection,
    at_most: i64,
) -> sqlx::Result<Vec<(Id<Tenant>, Id<User>)>> {
    let rows = sqlx::query!(
        r#"UPDATE sms_messages SET state = 'FAILED', content = NULL, lease_time = NULL,
               lease_token = NULL
           WHERE (tenant_id, id) IN (
               SELECT tenant_id, id FROM sms_messages
               WHERE state = 'QUEUED' AND expire_time <= clock()
                   AND (lease_time IS NULL OR lease_time <= clock())
               LIMIT $1 FOR UPDATE SKIP LOCKED)
           RETURNING tenant_id AS "tenant_id: Id<Tenant>", user_id AS "user_id: Id<User>""#,
        at_most,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.tenant_id, row.user_id))
        .collect())
}

/// Removes messages that do not count any more, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM sms_messages WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM sms_messages
             WHERE create_time < clock() - interval '2 days' AND state <> 'QUEUED'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

//! Keys of service accounts.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{ApiKey, ServiceAccount, Tenant},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::sessions::Uses;

/// A key.
pub struct Row {
    /// The key's id.
    pub id: Id<ApiKey>,
    /// The tenant.
    pub tenant_id: Id<Tenant>,
    /// Whose it is.
    pub service_account_id: Id<ServiceAccount>,
    /// What it is for.
    pub display_name: String,
    /// How the key begins.
    pub prefix: String,
    /// The seconds that were asked for; 0 for ever.
    pub lifetime: i64,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it ends; absent where it does not.
    pub expire_time: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_use_time: Option<DateTime<Utc>>,
}

/// What a key is made of.
pub struct New<'a> {
    /// The key's id.
    pub id: Id<ApiKey>,
    /// Whose it is.
    pub service_account_id: Id<ServiceAccount>,
    /// What it is for.
    pub display_name: &'a str,
    /// How the key begins.
    pub prefix: &'a str,
    /// The keyed hash of the key.
    pub key_hash: &'a [u8],
    /// How many seconds it works; 0 for ever.
    pub lifetime: i64,
}

macro_rules! keys {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT k.id AS "id: Id<ApiKey>", k.tenant_id AS "tenant_id: Id<Tenant>",
                   k.service_account_id AS "service_account_id: Id<ServiceAccount>", k.display_name,
                   k.prefix, k.lifetime, k.create_time, k.expire_time, k.last_use_time
               FROM api_keys k "# + $tail
            $(, $argument)*
        )
    };
}

/// Adds a key.
pub async fn insert(db: &mut PgConnection, tenant: Id<Tenant>, new: New<'_>) -> sqlx::Result<Row> {
    sqlx::query_as!(
        Row,
        r#"INSERT INTO api_keys (tenant_id, id, service_account_id, display_name, prefix, key_hash,
               lifetime, expire_time)
           VALUES ($1, $2, $3, $4, $5, $6, $7,
               CASE WHEN $7::bigint > 0 THEN clock() + $7::bigint * interval '1 second' END)
           RETURNING id AS "id: Id<ApiKey>", tenant_id AS "tenant_id: Id<Tenant>",
               service_account_id AS "service_account_id: Id<ServiceAccount>", display_name, prefix,
               lifetime, create_time, expire_time, last_use_time"#,
        tenant.uuid(),
        new.id.uuid(),
        new.service_account_id.uuid(),
        new.display_name,
        new.prefix,
        new.key_hash,
        new.lifetime,
    )
    .fetch_one(db)
    .await
}

/// Finds a key that works, in any tenant: for a worker.
pub async fn by_hash(db: &mut PgConnection, key_hash: &[u8]) -> sqlx::Result<Option<Row>> {
    keys!(
        "JOIN service_accounts a ON a.tenant_id = k.tenant_id AND a.id = k.service_account_id
         WHERE k.key_hash = $1 AND (k.expire_time IS NULL OR k.expire_time > clock())
             AND a.disable_time IS NULL",
        key_hash
    )
    .fetch_optional(db)
    .await
}

/// One key that has not ended.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ApiKey>,
) -> sqlx::Result<Option<Row>> {
    keys!(
        "WHERE k.tenant_id = $1 AND k.id = $2 AND (k.expire_time IS NULL OR k.expire_time > clock())",
        tenant.uuid(),
        id.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Keys that have not ended, newest first, those before a place, or after it
/// with the nearest first. Ids grow with time.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    account: Id<ServiceAccount>,
    place: Option<Uuid>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    keys!(
        "WHERE k.tenant_id = $1 AND k.service_account_id = $2
             AND (k.expire_time IS NULL OR k.expire_time > clock())
             AND ($3::uuid IS NULL OR CASE WHEN $4 THEN k.id > $3 ELSE k.id < $3 END)
         ORDER BY CASE WHEN $4 THEN k.id END, k.id DESC LIMIT $5",
        tenant.uuid(),
        account.uuid(),
        place,
        backward,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many keys a service account has that have not ended.
pub async fn count(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    account: Id<ServiceAccount>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM api_keys
           WHERE tenant_id = $1 AND service_account_id = $2
             AND (expire_time IS NULL OR expire_time > clock())"#,
        tenant.uuid(),
        account.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Lets a key end after so many seconds, unless it ends sooner. `None` where
/// there is none.
pub async fn end_after(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ApiKey>,
    seconds: i64,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE api_keys SET expire_time = least(expire_time, clock() + $3::bigint * interval '1 second')
         WHERE tenant_id = $1 AND id = $2 AND (expire_time IS NULL OR expire_time > clock())",
        tenant.uuid(),
        id.uuid(),
        seconds,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Ends a key. False where there is none.
pub async fn delete(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ApiKey>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM api_keys WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes when keys were last used, of all tenants: for a worker. Those that
/// somebody works on are left for the next time.
pub async fn touch(db: &mut PgConnection, uses: &Uses) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE api_keys k SET last_use_time = greatest(k.last_use_time, free.time)
         FROM (SELECT l.tenant_id, l.id, t.time
               FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t (tenant_id, id, time)
               JOIN api_keys l ON l.tenant_id = t.tenant_id AND l.id = t.id
               FOR UPDATE OF l SKIP LOCKED) AS free
         WHERE k.tenant_id = free.tenant_id AND k.id = free.id",
        &uses.tenants,
        &uses.ids,
        &uses.times,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes keys that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM api_keys WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM api_keys WHERE expire_time < clock()
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

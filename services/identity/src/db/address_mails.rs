//! How many mails were asked for to an address.

use contract::{Id, identity::Tenant};
use sqlx::PgConnection;
use uuid::Uuid;

/// Counts a mail that is asked for. `false` where the address had `at_most` of
/// its kind in the last hour. Of many at the same time, one comes after the other.
pub async fn count(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Uuid,
    address_hash: &[u8],
    occasion: &str,
    at_most: i64,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtext('address mails'), hashtext(encode($1, 'hex')))",
        address_hash,
    )
    .fetch_one(&mut *db)
    .await?;
    let done = sqlx::query!(
        "INSERT INTO address_mails (tenant_id, id, address_hash, occasion)
         SELECT $1, $2, $3, $4 WHERE (
             SELECT count(*) FROM address_mails
             WHERE tenant_id = $1 AND address_hash = $3 AND occasion = $4
               AND request_time > clock() - interval '1 hour') < $5",
        tenant.uuid(),
        id,
        address_hash,
        occasion,
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes counts that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM address_mails WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM address_mails WHERE request_time < clock() - interval '2 hours'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

//! Ends of audit trails as they were.

use chrono::{DateTime, Utc};
use contract::{Id, identity::Tenant};
use sqlx::PgConnection;

use super::audit_heads;

/// A checkpoint that was just made.
pub struct Made {
    /// The tenant.
    pub tenant_id: Id<Tenant>,
    /// The last record.
    pub sequence: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// When it was sealed.
    pub seal_time: DateTime<Utc>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Keeps the ends of trails that went on since they were last kept, of any
/// tenant: for a worker. A trail that is broken is left out.
pub async fn make(db: &mut PgConnection, at_most: i64) -> sqlx::Result<Vec<Made>> {
    sqlx::query_as!(
        Made,
        r#"WITH due AS (
               SELECT tenant_id, sequence, hash, seal_time, signature FROM audit_heads
               WHERE sequence > checkpoint_sequence AND length(signature) > 0
               ORDER BY tenant_id LIMIT $1 FOR UPDATE),
           noted AS (
               UPDATE audit_heads h SET checkpoint_sequence = due.sequence
               FROM due WHERE h.tenant_id = due.tenant_id)
           INSERT INTO audit_checkpoints (tenant_id, sequence, hash, seal_time, signature)
           SELECT tenant_id, sequence, hash, seal_time, signature FROM due
           RETURNING tenant_id AS "tenant_id: Id<Tenant>", sequence, hash, seal_time, signature"#,
        at_most,
    )
    .fetch_all(db)
    .await
}

/// The checkpoints of a tenant, oldest first, those after a place, or before it
/// with the nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    after: i64,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<audit_heads::Row>> {
    sqlx::query_as!(
        audit_heads::Row,
        "SELECT sequence, hash, seal_time, signature FROM audit_checkpoints
         WHERE tenant_id = $1 AND CASE WHEN $3 THEN sequence < $2 ELSE sequence > $2 END
         ORDER BY CASE WHEN $3 THEN sequence END DESC, sequence LIMIT $4",
        tenant.uuid(),
        after,
        backward,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many checkpoints a tenant has.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM audit_checkpoints WHERE tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

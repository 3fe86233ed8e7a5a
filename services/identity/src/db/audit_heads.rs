//! The end of each audit trail.

use chrono::{DateTime, Utc};
use contract::{Id, identity::Tenant};
use sqlx::PgConnection;

/// The end of a trail.
pub struct Row {
    /// The last record; 0 before the first.
    pub sequence: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// When it was sealed.
    pub seal_time: DateTime<Utc>,
    /// The signature, as of a checkpoint; empty where the trail is broken.
    pub signature: Vec<u8>,
}

/// The end of a trail, which nobody else adds to until the transaction ends.
pub async fn lock(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Row> {
    sqlx::query_as!(
        Row,
        "INSERT INTO audit_heads (tenant_id) VALUES ($1)
         ON CONFLICT (tenant_id) DO UPDATE SET sequence = audit_heads.sequence
         RETURNING sequence, hash, seal_time, signature",
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Moves the end of a trail that is locked.
pub async fn advance(db: &mut PgConnection, tenant: Id<Tenant>, head: &Row) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_heads SET sequence = $2, hash = $3, seal_time = $4, signature = $5
         WHERE tenant_id = $1",
        tenant.uuid(),
        head.sequence,
        head.hash,
        head.seal_time,
        head.signature,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The end of a trail; `None` where nothing has happened in the tenant.
pub async fn find(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT sequence, hash, seal_time, signature FROM audit_heads WHERE tenant_id = $1",
        tenant.uuid(),
    )
    .fetch_optional(db)
    .await
}

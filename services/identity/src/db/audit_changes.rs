//! What fields of people had before and have after a change. Whoever deletes a
//! person forgets these; see `audit/record.rs` for why that is not by a foreign
//! key.

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Changes as they are kept.
pub struct Row {
    /// The changes, encoded.
    pub changes: Vec<u8>,
    /// The salt of their commitment.
    pub salt: Vec<u8>,
}

/// Keeps what an event changed.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    event: Uuid,
    user: Id<User>,
    changes: &[u8],
    salt: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO audit_changes (tenant_id, event_id, user_id, changes, salt)
         VALUES ($1, $2, $3, $4, $5)",
        tenant.uuid(),
        event,
        user.uuid(),
        changes,
        salt,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What an event changed.
pub async fn of_event(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    event: Uuid,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT changes, salt FROM audit_changes WHERE tenant_id = $1 AND event_id = $2",
        tenant.uuid(),
        event,
    )
    .fetch_optional(db)
    .await
}

/// Forgets all changes of a person.
pub async fn forget(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM audit_changes WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

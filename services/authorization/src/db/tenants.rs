//! The tenants and their revisions.

use contract::identity::Tenant;
use rpc::Id;
use sqlx::PgConnection;

use crate::revisions::Revision;

/// Locks the tenant until the transaction ends, and answers its revision;
/// `None` where it was not prepared. Every change does this before anything
/// else: the changes of a tenant happen one after the other.
pub async fn lock(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<Revision>> {
    sqlx::query_scalar!(
        "SELECT revision FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE",
        tenant.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Adds a tenant at revision 1; false where it is there already.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    role_set: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO tenants (tenant_id, role_set, revision, structure_revision) VALUES ($1, $2, 1, 1)
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        role_set,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// The role set that a tenant was prepared with.
pub async fn role_set(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT role_set FROM tenants WHERE tenant_id = $1",
        tenant.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Raises the revision for so many changes, and answers the new one.
pub async fn advance(db: &mut PgConnection, tenant: Id<Tenant>, by: i64) -> sqlx::Result<Revision> {
    sqlx::query_scalar!(
        "UPDATE tenants SET revision = revision + $2 WHERE tenant_id = $1 RETURNING revision",
        tenant.uuid(),
        by,
    )
    .fetch_one(db)
    .await
}

/// Raises the revision for one change of roles or projects.
pub async fn advance_structure(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
) -> sqlx::Result<Revision> {
    sqlx::query_scalar!(
        "UPDATE tenants SET revision = revision + 1, structure_revision = revision + 1
         WHERE tenant_id = $1 RETURNING revision",
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

//! The table `import_roles`: what callers made of unknown role names.

use sqlx::PgConnection;
use uuid::Uuid;

/// Maps a name; an earlier mapping of it is gone.
pub async fn put(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    name: &str,
    role: Uuid,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO import_roles (tenant_id, import_id, name, role_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, import_id, name) DO UPDATE SET role_id = excluded.role_id",
        tenant,
        import,
        name,
        role,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What was mapped in an import.
pub async fn all(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
) -> sqlx::Result<Vec<(String, Uuid)>> {
    let rows = sqlx::query!(
        "SELECT name, role_id FROM import_roles WHERE tenant_id = $1 AND import_id = $2",
        tenant,
        import,
    );
    Ok(rows
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|row| (row.name, row.role_id))
        .collect())
}

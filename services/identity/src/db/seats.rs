//! Who uses a seat: `users.licensed`, which follows from the mirror.

use contract::{
    Id,
    authorization::Role,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Makes true again whether a user uses a seat.
pub async fn reseat(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET licensed = NOT licensed
         WHERE tenant_id = $1 AND id = $2 AND licensed <> uses_seat($1, $2)",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that other roles use a seat from now on: all users are to be gone
/// through.
pub async fn set_licensed_roles(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    roles: &[Id<Role>],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO directories (tenant_id, licensed_role_ids, reseat_after) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id) DO UPDATE SET licensed_role_ids = $2, reseat_after = $3",
        tenant.uuid(),
        roles as _,
        Uuid::nil(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A tenant whose users are to be gone through; of all tenants: for a worker.
pub async fn reseating(db: &mut PgConnection) -> sqlx::Result<Option<Id<Tenant>>> {
    sqlx::query_scalar!(
        r#"SELECT tenant_id AS "tenant: Id<Tenant>" FROM directories
           WHERE reseat_after IS NOT NULL LIMIT 1"#,
    )
    .fetch_optional(db)
    .await
}

/// Goes through the next users of a tenant. Needs the lock of the mirror.
pub async fn reseat_some(db: &mut PgConnection, tenant: Id<Tenant>, most: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH next AS (
             SELECT u.id FROM users u JOIN directories d ON d.tenant_id = u.tenant_id
             WHERE u.tenant_id = $1 AND u.id > d.reseat_after ORDER BY u.id LIMIT $2),
         changed AS (
             UPDATE users u SET licensed = NOT licensed FROM next
             WHERE u.tenant_id = $1 AND u.id = next.id AND licensed <> uses_seat($1, u.id))
         UPDATE directories
         SET reseat_after = (SELECT id FROM next ORDER BY id DESC LIMIT 1) WHERE tenant_id = $1",
        tenant.uuid(),
        most,
    )
    .execute(db)
    .await?;
    Ok(())
}

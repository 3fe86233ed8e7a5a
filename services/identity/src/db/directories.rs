//! The mirror of what authorization says of users: how far it has come, who
//! holds which roles, and who is in which groups.

use contract::{
    Id,
    authorization::Group,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Keeps others from changing the mirror of a tenant, and users from being
/// created in it, until the transaction ends.
pub async fn lock(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtext('directory'), uuid_hash($1))",
        tenant.uuid(),
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(())
}

/// The last revision that is mirrored; 0 where there is none.
pub async fn revision(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    let row = sqlx::query_scalar!(
        "SELECT revision FROM directories WHERE tenant_id = $1",
        tenant.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.unwrap_or_default())
}

/// Notes that a revision is mirrored.
pub async fn advance(db: &mut PgConnection, tenant: Id<Tenant>, revision: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO directories AS d (tenant_id, revision) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET revision = greatest(d.revision, $2)",
        tenant.uuid(),
        revision,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds roles that a user holds, each on a project or, with `None`, on the
/// tenant; those that are there already stay.
pub async fn give(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    roles: &[(Uuid, Option<Uuid>)],
) -> sqlx::Result<()> {
    let (roles, projects): (Vec<_>, Vec<_>) = roles.iter().copied().unzip();
    sqlx::query!(
        "INSERT INTO held_roles (tenant_id, role_id, user_id, project_id)
         SELECT $1, r.role_id, $2, r.project_id FROM unnest($3::uuid[], $4::uuid[]) r (role_id, project_id)
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        user.uuid(),
        &roles,
        &projects as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes roles, as [`give`] adds them.
pub async fn take(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    roles: &[(Uuid, Option<Uuid>)],
) -> sqlx::Result<()> {
    let (roles, projects): (Vec<_>, Vec<_>) = roles.iter().copied().unzip();
    sqlx::query!(
        "DELETE FROM held_roles h USING unnest($3::uuid[], $4::uuid[]) r (role_id, project_id)
         WHERE h.tenant_id = $1 AND h.user_id = $2 AND h.role_id = r.role_id
           AND h.project_id IS NOT DISTINCT FROM r.project_id",
        tenant.uuid(),
        user.uuid(),
        &roles,
        &projects as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a user to groups.
pub async fn join(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    groups: &[Id<Group>],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO memberships (tenant_id, group_id, user_id) SELECT $1, g, $2 FROM unnest($3::uuid[]) g
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        user.uuid(),
        groups as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a user from groups.
pub async fn leave(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    groups: &[Id<Group>],
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND group_id = ANY($3)",
        tenant.uuid(),
        user.uuid(),
        groups as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets all that is mirrored of a user.
pub async fn forget(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH roles AS (DELETE FROM held_roles WHERE tenant_id = $1 AND user_id = $2)
         DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

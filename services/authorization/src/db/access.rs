//! What decisions are made of, each read by one statement and so at one
//! revision.

use contract::authorization::{Project, Role};
use contract::identity::{Tenant, User};
use rpc::Id;
use sqlx::PgConnection;

use crate::check::{Grant, Membership, Structure, Subject};
use crate::roles::permissions::Permissions;

/// The roles and projects of a tenant, or only those projects; `None` where
/// the tenant was not prepared.
pub async fn structure(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    only: Option<&[Id<Project>]>,
) -> sqlx::Result<Option<Structure>> {
    let row = sqlx::query!(
        r#"SELECT t.revision,
             ARRAY(SELECT r.id FROM roles r WHERE r.tenant_id = $1 ORDER BY r.id)
                AS "roles!: Vec<Id<Role>>",
             ARRAY(SELECT array_to_string(r.permissions, ' ') FROM roles r WHERE r.tenant_id = $1 ORDER BY r.id)
                AS "permissions!: Vec<String>",
             ARRAY(SELECT p.id FROM projects p
                   WHERE p.tenant_id = $1 AND ($2::uuid[] IS NULL OR p.id = ANY($2)) ORDER BY p.id)
                AS "projects!: Vec<Id<Project>>",
             ARRAY(SELECT p.create_revision FROM projects p
                   WHERE p.tenant_id = $1 AND ($2::uuid[] IS NULL OR p.id = ANY($2)) ORDER BY p.id)
                AS "created!: Vec<i64>"
           FROM tenants t WHERE t.tenant_id = $1"#,
        tenant.uuid(),
        only as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let permissions = row
            .permissions
            .iter()
            .map(|written| Permissions::covered_by(written.split(' ')));
        Structure {
            at: row.revision,
            roles: row.roles.into_iter().zip(permissions).collect(),
            projects: row.projects.into_iter().zip(row.created).collect(),
        }
    }))
}

/// What users hold, in no order; also for users who are not known, who hold
/// nothing. Empty where the tenant was not prepared.
pub async fn subjects(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
) -> sqlx::Result<Vec<(Id<User>, Subject)>> {
    let rows = sqlx::query!(
        r#"SELECT u.user_id AS "user_id!: Id<User>", t.revision, t.structure_revision,
             coalesce(NOT s.suspended AND NOT s.erased, false) AS "live!",
             coalesce(NOT m.pending AND m.left_revision IS NULL, false) AS "member!",
             m.left_revision AS "left_revision?",
             ARRAY(SELECT b.role_id FROM role_bindings b
                   WHERE b.tenant_id = $1 AND b.user_id = u.user_id AND NOT b.pending ORDER BY b.id)
                AS "roles!: Vec<Id<Role>>",
             ARRAY(SELECT b.project_id FROM role_bindings b
                   WHERE b.tenant_id = $1 AND b.user_id = u.user_id AND NOT b.pending ORDER BY b.id)
                AS "projects!: Vec<Option<Id<Project>>>"
           FROM tenants t
           CROSS JOIN unnest($2::uuid[]) AS u (user_id)
           LEFT JOIN subjects s ON s.tenant_id = $1 AND s.user_id = u.user_id
           LEFT JOIN groups g ON g.tenant_id = $1 AND g.is_default
           LEFT JOIN group_members m ON m.tenant_id = $1 AND m.group_id = g.id AND m.user_id = u.user_id
           WHERE t.tenant_id = $1"#,
        tenant.uuid(),
        users as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let grants = row
                .roles
                .into_iter()
                .zip(row.projects)
                .map(|(role, project)| Grant { role, project });
            let subject = Subject {
                at: row.revision,
                structure_at: row.structure_revision,
                cell: 0,
                live: row.live,
                membership: match row.left_revision {
                    Some(left) => Membership::Until(left),
                    None if row.member => Membership::Present,
                    None => Membership::Never,
                },
                grants: grants.collect(),
            };
            (row.user_id, subject)
        })
        .collect())
}

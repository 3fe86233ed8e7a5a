//! Pages of role bindings.

use contract::authorization::{Project, Role, RoleBinding};
use contract::identity::{Tenant, User};
use rpc::Id;
use sqlx::PgConnection;

use super::Row;
use crate::db::nearest_first;

/// What a list of bindings is narrowed to; all that is set must hold.
#[derive(Default)]
pub struct Filter {
    /// Of this user.
    pub user: Option<Id<User>>,
    /// On this project.
    pub project: Option<Id<Project>>,
    /// Of this role.
    pub role: Option<Id<Role>>,
}

/// A page of bindings by user and age; see `db`.
pub async fn page(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
    after: (Id<User>, Id<RoleBinding>),
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT page.id AS "id!: Id<RoleBinding>", page.user_id AS "user_id!: Id<User>",
             page.role_id AS "role_id!: Id<Role>", page.project_id AS "project_id: Id<Project>",
             page.pending AS "pending!", s.suspended, page.create_time AS "create_time!"
           FROM (
             (SELECT * FROM role_bindings
              WHERE tenant_id = $1 AND NOT $4 AND (user_id, id) > ($2, $3)
                AND ($6::uuid IS NULL OR user_id = $6) AND ($7::uuid IS NULL OR project_id = $7)
                AND ($8::uuid IS NULL OR role_id = $8)
              ORDER BY user_id, id LIMIT $5)
             UNION ALL
             (SELECT * FROM role_bindings
              WHERE tenant_id = $1 AND $4 AND (user_id, id) < ($2, $3)
                AND ($6::uuid IS NULL OR user_id = $6) AND ($7::uuid IS NULL OR project_id = $7)
                AND ($8::uuid IS NULL OR role_id = $8)
              ORDER BY user_id DESC, id DESC LIMIT $5)
           ) AS page JOIN subjects s ON s.tenant_id = $1 AND s.user_id = page.user_id
           ORDER BY page.user_id, page.id"#,
        tenant.uuid(),
        after.0.uuid(),
        after.1.uuid(),
        backward,
        limit,
        filter.user as _,
        filter.project as _,
        filter.role as _,
    )
    .fetch_all(db)
    .await
    .map(|rows| nearest_first(rows, backward))
}

/// How many bindings fit.
pub async fn count(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM role_bindings
           WHERE tenant_id = $1 AND ($2::uuid IS NULL OR user_id = $2) AND ($3::uuid IS NULL OR project_id = $3)
             AND ($4::uuid IS NULL OR role_id = $4)"#,
        tenant.uuid(),
        filter.user as _,
        filter.project as _,
        filter.role as _,
    )
    .fetch_one(db)
    .await
}

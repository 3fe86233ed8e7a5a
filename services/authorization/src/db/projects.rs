//! The projects.

use chrono::{DateTime, Utc};
use contract::authorization::Project;
use contract::identity::Tenant;
use rpc::Id;
use sqlx::PgConnection;

use super::nearest_first;
use crate::check::Reach;
use crate::revisions::Revision;

/// A project.
pub struct Row {
    /// The id.
    pub id: Id<Project>,
    /// The name.
    pub name: String,
    /// The name in lower case, by which projects are sorted.
    pub sort_key: String,
    /// The etag.
    pub version: i64,
    /// Since when it is there.
    pub create_time: DateTime<Utc>,
}

impl From<Row> for Project {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            create_time: Some(crate::timestamp(row.create_time)),
            etag: row.version.to_string(),
        }
    }
}

/// Adds a project; `None` where the name is taken.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Project>,
    name: &str,
    at: Revision,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"INSERT INTO projects (tenant_id, id, name, create_revision) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING
           RETURNING id AS "id: Id<Project>", name, lower(name) AS "sort_key!", version, create_time"#,
        tenant.uuid(),
        id.uuid(),
        name,
        at,
    )
    .fetch_optional(db)
    .await
}

/// One project, if it is within reach.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Project>,
    reach: &Reach,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: Id<Project>", name, lower(name) AS "sort_key!", version, create_time
           FROM projects WHERE tenant_id = $1 AND id = $2 AND ($3 OR create_revision <= $4 OR id = ANY($5))"#,
        tenant.uuid(),
        id.uuid(),
        reach.all,
        reach.until,
        &reach.named as _,
    )
    .fetch_optional(db)
    .await
}

/// Those of some projects that exist.
pub async fn existing(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    ids: &[Id<Project>],
) -> sqlx::Result<Vec<Id<Project>>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: Id<Project>" FROM projects WHERE tenant_id = $1 AND id = ANY($2)"#,
        tenant.uuid(),
        ids as _,
    )
    .fetch_all(db)
    .await
}

/// A page of the projects within reach, by name; see `db`.
pub async fn page(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    reach: &Reach,
    after: &str,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!: Id<Project>", name AS "name!", sort_key AS "sort_key!", version AS "version!",
             create_time AS "create_time!"
           FROM (
             (SELECT *, lower(name) AS sort_key FROM projects
              WHERE tenant_id = $1 AND NOT $3 AND lower(name) > $2
                AND ($5 OR create_revision <= $6 OR id = ANY($7))
              ORDER BY lower(name) LIMIT $4)
             UNION ALL
             (SELECT *, lower(name) AS sort_key FROM projects
              WHERE tenant_id = $1 AND $3 AND lower(name) < $2
                AND ($5 OR create_revision <= $6 OR id = ANY($7))
              ORDER BY lower(name) DESC LIMIT $4)
           ) AS page ORDER BY sort_key"#,
        tenant.uuid(),
        after,
        backward,
        limit,
        reach.all,
        reach.until,
        &reach.named as _,
    )
    .fetch_all(db)
    .await
    .map(|rows| nearest_first(rows, backward))
}

/// How many projects are within reach.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>, reach: &Reach) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM projects
           WHERE tenant_id = $1 AND ($2 OR create_revision <= $3 OR id = ANY($4))"#,
        tenant.uuid(),
        reach.all,
        reach.until,
        &reach.named as _,
    )
    .fetch_one(db)
    .await
}

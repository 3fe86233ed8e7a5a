//! The roles.

use contract::authorization::Role;
use contract::identity::Tenant;
use rpc::Id;
use sqlx::PgConnection;

use super::nearest_first;
use crate::roles::permissions::Permissions;
use crate::roles::sets::Predefined;

/// A role.
pub struct Row {
    /// The id.
    pub id: Id<Role>,
    /// See `Role` in the contract for this and the rest.
    pub name: String,
    /// The name in lower case, by which roles are sorted.
    pub sort_key: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// The name shown.
    pub display_name: String,
    /// The purpose.
    pub description: String,
    /// As written.
    pub permissions: Vec<String>,
    /// From a role set.
    pub predefined: bool,
    /// Uses a seat.
    pub licensed: bool,
    /// Given where none is named.
    pub is_default: bool,
}

impl Row {
    /// What the role permits.
    pub fn permits(&self) -> Permissions {
        Permissions::covered_by(self.permissions.iter().map(String::as_str))
    }
}

impl From<Row> for Role {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            aliases: row.aliases,
            display_name: row.display_name,
            description: row.description,
            permissions: row.permissions,
            predefined: row.predefined,
            licensed: row.licensed,
            default: row.is_default,
        }
    }
}

/// All roles of a tenant, or only those.
pub async fn all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    only: Option<&[Id<Role>]>,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: Id<Role>", name, lower(name) AS "sort_key!", aliases, display_name, description,
             permissions, predefined, licensed, is_default
           FROM roles WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2))"#,
        tenant.uuid(),
        only as _,
    )
    .fetch_all(db)
    .await
}

/// One role.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    role: Id<Role>,
) -> sqlx::Result<Option<Row>> {
    Ok(all(db, tenant, Some(&[role])).await?.pop())
}

/// A page of roles by name; see `db`.
pub async fn page(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    after: &str,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!: Id<Role>", name AS "name!", sort_key AS "sort_key!", aliases AS "aliases!",
             display_name AS "display_name!", description AS "description!", permissions AS "permissions!",
             predefined AS "predefined!", licensed AS "licensed!", is_default AS "is_default!"
           FROM (
             (SELECT *, lower(name) AS sort_key FROM roles
              WHERE tenant_id = $1 AND NOT $3 AND lower(name) > $2 ORDER BY lower(name) LIMIT $4)
             UNION ALL
             (SELECT *, lower(name) AS sort_key FROM roles
              WHERE tenant_id = $1 AND $3 AND lower(name) < $2 ORDER BY lower(name) DESC LIMIT $4)
           ) AS page ORDER BY sort_key"#,
        tenant.uuid(),
        after,
        backward,
        limit,
    )
    .fetch_all(db)
    .await
    .map(|rows| nearest_first(rows, backward))
}

/// How many roles there are.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM roles WHERE tenant_id = $1"#,
        tenant.uuid()
    )
    .fetch_one(db)
    .await
}

/// Adds a predefined role.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Role>,
    role: &Predefined,
) -> sqlx::Result<()> {
    let own = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    sqlx::query!(
        "INSERT INTO roles (tenant_id, id, name, aliases, display_name, description, permissions, predefined, is_default)
         VALUES ($1, $2, $3, $4, $5, $6, $7, true, $8)",
        tenant.uuid(),
        id.uuid(),
        role.name,
        &own(role.aliases),
        role.display_name,
        role.description,
        &own(role.permissions),
        role.default,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Says which roles use a seat; answers how many roles that changed.
pub async fn set_licensed(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    licensed: &[Id<Role>],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE roles SET licensed = (id = ANY($2)) WHERE tenant_id = $1 AND licensed <> (id = ANY($2))",
        tenant.uuid(),
        licensed as _,
    );
    Ok(done.execute(db).await?.rows_affected())
}

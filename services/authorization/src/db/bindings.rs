//! The role bindings.

use chrono::{DateTime, Utc};
use contract::authorization::{Project, Role, RoleBinding, WaitingRole};
use contract::identity::{Tenant, User};
use rpc::Id;
use sqlx::PgConnection;

mod list;

pub use list::{Filter, count, page};

/// A role binding.
pub struct Row {
    /// The id.
    pub id: Id<RoleBinding>,
    /// Who holds the role.
    pub user_id: Id<User>,
    /// The role.
    pub role_id: Id<Role>,
    /// The project; none for the tenant.
    pub project_id: Option<Id<Project>>,
    /// Whether it waits.
    pub pending: bool,
    /// Whether its user is disabled.
    pub suspended: bool,
    /// Since when it is there.
    pub create_time: DateTime<Utc>,
}

impl From<&Row> for RoleBinding {
    fn from(row: &Row) -> Self {
        Self {
            id: row.id.to_string(),
            user_id: row.user_id.to_string(),
            role_id: row.role_id.to_string(),
            project_id: row.project_id.map(|id| id.to_string()).unwrap_or_default(),
            pending: row.pending,
            suspended: row.suspended,
            create_time: Some(crate::timestamp(row.create_time)),
        }
    }
}

/// One binding.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<RoleBinding>,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT b.id AS "id: Id<RoleBinding>", b.user_id AS "user_id: Id<User>", b.role_id AS "role_id: Id<Role>",
             b.project_id AS "project_id: Id<Project>", b.pending, s.suspended, b.create_time
           FROM role_bindings b JOIN subjects s ON s.tenant_id = b.tenant_id AND s.user_id = b.user_id
           WHERE b.tenant_id = $1 AND b.id = $2"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// All that a user holds or waits for.
pub async fn of_user(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT b.id AS "id: Id<RoleBinding>", b.user_id AS "user_id: Id<User>", b.role_id AS "role_id: Id<Role>",
             b.project_id AS "project_id: Id<Project>", b.pending, s.suspended, b.create_time
           FROM role_bindings b JOIN subjects s ON s.tenant_id = b.tenant_id AND s.user_id = b.user_id
           WHERE b.tenant_id = $1 AND b.user_id = $2"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_all(db)
    .await
}

/// The binding by which a user holds a role there.
pub async fn find(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    role: Id<Role>,
    project: Option<Id<Project>>,
) -> sqlx::Result<Option<Id<RoleBinding>>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: Id<RoleBinding>" FROM role_bindings
           WHERE tenant_id = $1 AND user_id = $2 AND role_id = $3 AND project_id IS NOT DISTINCT FROM $4"#,
        tenant.uuid(),
        user.uuid(),
        role.uuid(),
        project as _,
    )
    .fetch_optional(db)
    .await
}

/// Bindings to add, as columns.
#[derive(Default)]
pub struct New {
    ids: Vec<Id<RoleBinding>>,
    users: Vec<Id<User>>,
    roles: Vec<Id<Role>>,
    projects: Vec<Option<Id<Project>>>,
}

impl New {
    /// One more; answers its id.
    pub fn push(
        &mut self,
        user: Id<User>,
        role: Id<Role>,
        project: Option<Id<Project>>,
    ) -> Id<RoleBinding> {
        let id = Id::new();
        self.ids.push(id);
        self.users.push(user);
        self.roles.push(role);
        self.projects.push(project);
        id
    }
}

/// Adds bindings, all live or all waiting.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    new: &New,
    pending: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO role_bindings (tenant_id, id, user_id, role_id, project_id, pending)
         SELECT $1, n.id, n.user_id, n.role_id, n.project_id, $6
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[]) AS n (id, user_id, role_id, project_id)",
        tenant.uuid(),
        &new.ids as _,
        &new.users as _,
        &new.roles as _,
        &new.projects as _,
        pending,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes one binding.
pub async fn delete(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<RoleBinding>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM role_bindings WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes all bindings of a user.
pub async fn delete_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM role_bindings WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A binding that waited for its user.
#[expect(clippy::struct_field_names, reason = "the names of the columns")]
pub struct Waiting {
    /// The user.
    pub user_id: Id<User>,
    /// The role.
    pub role_id: Id<Role>,
    /// The project; `None` for the tenant.
    pub project_id: Option<Id<Project>>,
}

impl From<Waiting> for WaitingRole {
    fn from(row: Waiting) -> Self {
        Self {
            role_id: row.role_id.to_string(),
            project_id: row.project_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}

/// Removes the waiting bindings of users; answers them.
pub async fn delete_pending(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"DELETE FROM role_bindings WHERE tenant_id = $1 AND user_id = ANY($2) AND pending
           RETURNING user_id AS "user_id: Id<User>", role_id AS "role_id: Id<Role>",
             project_id AS "project_id: Id<Project>""#,
        tenant.uuid(),
        users as _,
    )
    .fetch_all(db)
    .await
}

/// Makes the waiting bindings of a user live; answers how many.
pub async fn activate(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE role_bindings SET pending = false WHERE tenant_id = $1 AND user_id = $2 AND pending",
        tenant.uuid(),
        user.uuid(),
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Whether anybody holds one of these roles on the tenant who is neither
/// invited nor disabled nor locked nor about to leave, by another binding than that, or
/// who is another user.
pub async fn another_holds(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    roles: &[Id<Role>],
    but: Option<Id<RoleBinding>>,
    but_of: Option<Id<User>>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
             SELECT FROM role_bindings b JOIN subjects s ON s.tenant_id = b.tenant_id AND s.user_id = b.user_id
             WHERE b.tenant_id = $1 AND b.role_id = ANY($2)
               AND b.id IS DISTINCT FROM $3 AND b.user_id IS DISTINCT FROM $4
               AND b.project_id IS NULL AND NOT b.pending
               AND NOT s.suspended AND NOT s.locked AND NOT s.erased AND s.leave_time IS NULL
               AND NOT s.service_account) AS "another!""#,
        tenant.uuid(),
        roles as _,
        but as _,
        but_of as _,
    )
    .fetch_one(db)
    .await
}

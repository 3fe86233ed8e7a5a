//! The groups and their members.

use contract::authorization::Group;
use contract::identity::{Tenant, User};
use rpc::Id;
use sqlx::PgConnection;

use super::nearest_first;
use crate::revisions::Revision;

/// A group.
pub struct Row {
    /// The id.
    pub id: Id<Group>,
    /// The name.
    pub name: String,
    /// The name in lower case, by which groups are sorted.
    pub sort_key: String,
    /// Whether it is the Default Group.
    pub is_default: bool,
}

impl From<Row> for Group {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            default: row.is_default,
        }
    }
}

/// Adds a group.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Group>,
    name: &str,
    is_default: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO groups (tenant_id, id, name, is_default) VALUES ($1, $2, $3, $4)",
        tenant.uuid(),
        id.uuid(),
        name,
        is_default,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One group.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Group>,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: Id<Group>", name, lower(name) AS "sort_key!", is_default
           FROM groups WHERE tenant_id = $1 AND id = $2"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// A page of groups by name; see `db`.
pub async fn page(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    after: &str,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!: Id<Group>", name AS "name!", sort_key AS "sort_key!", is_default AS "is_default!"
           FROM (
             (SELECT *, lower(name) AS sort_key FROM groups
              WHERE tenant_id = $1 AND NOT $3 AND lower(name) > $2 ORDER BY lower(name) LIMIT $4)
             UNION ALL
             (SELECT *, lower(name) AS sort_key FROM groups
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

/// How many groups there are.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM groups WHERE tenant_id = $1"#,
        tenant.uuid()
    )
    .fetch_one(db)
    .await
}

/// Makes a user a member; false where they were one, or wait to be.
pub async fn join(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    group: Id<Group>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO group_members AS m (tenant_id, group_id, user_id, pending) VALUES ($1, $2, $3, false)
         ON CONFLICT (tenant_id, group_id, user_id) DO UPDATE SET left_revision = NULL, join_time = clock()
         WHERE m.left_revision IS NOT NULL",
        tenant.uuid(),
        group.uuid(),
        user.uuid(),
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Lets invited users wait to be members of the Default Group; answers it.
pub async fn join_pending(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
) -> sqlx::Result<Option<Id<Group>>> {
    sqlx::query_scalar!(
        r#"WITH default_group AS (SELECT id FROM groups WHERE tenant_id = $1 AND is_default),
         joining AS (
             INSERT INTO group_members (tenant_id, group_id, user_id, pending)
             SELECT $1, g.id, u, true FROM default_group g CROSS JOIN unnest($2::uuid[]) u
             ON CONFLICT DO NOTHING)
         SELECT id AS "id: Id<Group>" FROM default_group"#,
        tenant.uuid(),
        users as _,
    )
    .fetch_optional(db)
    .await
}

/// Makes the waiting memberships of a user live; answers how many.
pub async fn activate(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE group_members SET pending = false WHERE tenant_id = $1 AND user_id = $2 AND pending",
        tenant.uuid(),
        user.uuid(),
    );
    Ok(done.execute(db).await?.rows_affected())
}

/// Whether a user is a member or waits to be.
pub async fn is_member(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    group: Id<Group>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM group_members WHERE tenant_id = $1 AND group_id = $2 AND user_id = $3
             AND left_revision IS NULL) AS "member!""#,
        tenant.uuid(),
        group.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Makes a member a former one, who keeps the projects there are.
pub async fn leave(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    group: Id<Group>,
    user: Id<User>,
    at: Revision,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE group_members SET left_revision = $4 WHERE tenant_id = $1 AND group_id = $2 AND user_id = $3",
        tenant.uuid(),
        group.uuid(),
        user.uuid(),
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets a membership; only a waiting one where that is asked for.
pub async fn forget(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    group: Id<Group>,
    user: Id<User>,
    only_pending: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM group_members WHERE tenant_id = $1 AND group_id = $2 AND user_id = $3 AND (pending OR NOT $4)",
        tenant.uuid(),
        group.uuid(),
        user.uuid(),
        only_pending,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}

/// Forgets the waiting memberships of users; answers who waited for which group.
pub async fn forget_pending(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    users: &[Id<User>],
) -> sqlx::Result<Vec<(Id<User>, Id<Group>)>> {
    let gone = sqlx::query!(
        r#"DELETE FROM group_members WHERE tenant_id = $1 AND user_id = ANY($2) AND pending
           RETURNING user_id AS "user: Id<User>", group_id AS "group: Id<Group>""#,
        tenant.uuid(),
        users as _,
    )
    .fetch_all(db)
    .await?;
    Ok(gone.into_iter().map(|row| (row.user, row.group)).collect())
}

/// Forgets all memberships of a user.
pub async fn forget_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM group_members WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A page of members, those who wait too, by id; see `db`.
pub async fn members(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    group: Id<Group>,
    after: Id<User>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Id<User>>> {
    sqlx::query_scalar!(
        r#"SELECT user_id AS "user_id!: Id<User>" FROM (
             (SELECT user_id FROM group_members
              WHERE tenant_id = $1 AND group_id = $2 AND left_revision IS NULL AND NOT $4 AND user_id > $3
              ORDER BY user_id LIMIT $5)
             UNION ALL
             (SELECT user_id FROM group_members
              WHERE tenant_id = $1 AND group_id = $2 AND left_revision IS NULL AND $4 AND user_id < $3
              ORDER BY user_id DESC LIMIT $5)
           ) AS page ORDER BY user_id"#,
        tenant.uuid(),
        group.uuid(),
        after.uuid(),
        backward,
        limit,
    )
    .fetch_all(db)
    .await
    .map(|rows| nearest_first(rows, backward))
}

/// How many members there are, those who wait too.
pub async fn count_members(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    group: Id<Group>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM group_members
           WHERE tenant_id = $1 AND group_id = $2 AND left_revision IS NULL"#,
        tenant.uuid(),
        group.uuid(),
    )
    .fetch_one(db)
    .await
}

//! The properties that tenants define for their users.

use chrono::{DateTime, Utc};
use contract::{Id, identity::Tenant};
use sqlx::{PgConnection, types::Json};

use crate::properties::values::Value;

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum Type {
    /// Text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// A day.
    Date,
    /// One of the choices.
    Choice,
}

/// A property.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
    /// What it holds.
    pub type_: Type,
    /// Whether users have a value.
    pub required: bool,
    /// What a CHOICE may be.
    pub choices: Vec<String>,
    /// What users get who are created without a value.
    pub default_value: Option<Json<Value>>,
    /// Whether users set it for themselves.
    pub user_editable: bool,
    /// When it was defined.
    pub create_time: DateTime<Utc>,
    /// When it was last changed.
    pub update_time: DateTime<Utc>,
    /// Grows with every change.
    pub version: i64,
}

macro_rules! properties {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT name, display_name, type AS "type_: Type", required, choices,
                   default_value AS "default_value: Json<Value>", user_editable, create_time,
                   update_time, version
               FROM properties WHERE delete_time IS NULL AND "# + $tail
            $(, $argument)*
        )
    };
}

/// Defines a property. `None` where there is one of this name, or `at_most` in
/// all. The tenant must be locked, so that two at the same time are not both the
/// last.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    row: &Row,
    at_most: i64,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "INSERT INTO properties (tenant_id, name, display_name, type, required, choices,
             default_value, user_editable)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8
         WHERE (SELECT count(*) FROM properties WHERE tenant_id = $1) < $9
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        row.name,
        row.display_name,
        row.type_ as Type,
        row.required,
        &row.choices,
        row.default_value.as_ref() as Option<&Json<Value>>,
        row.user_editable,
        at_most,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// One property.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
) -> sqlx::Result<Option<Row>> {
    properties!("tenant_id = $1 AND name = $2", tenant.uuid(), name)
        .fetch_optional(db)
        .await
}

/// One property, held as it is for this transaction.
pub async fn hold(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
) -> sqlx::Result<Option<Row>> {
    properties!(
        "tenant_id = $1 AND name = $2 FOR NO KEY UPDATE",
        tenant.uuid(),
        name
    )
    .fetch_optional(db)
    .await
}

/// All properties of a tenant, held so that none of them is deleted in this
/// transaction.
pub async fn hold_all(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Vec<Row>> {
    properties!("tenant_id = $1 ORDER BY name FOR SHARE", tenant.uuid())
        .fetch_all(db)
        .await
}

/// Changes a property that is still of the version. `None` where it is not.
pub async fn update(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    row: &Row,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE properties SET display_name = $4, required = $5, choices = $6, default_value = $7,
             user_editable = $8, update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND name = $2 AND version = $3",
        tenant.uuid(),
        row.name,
        row.version,
        row.display_name,
        row.required,
        &row.choices,
        row.default_value.as_ref() as Option<&Json<Value>>,
        row.user_editable,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Deletes a property for all who ask; waits for those who are just setting a
/// value of it. `None` where there is none.
pub async fn delete(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE properties SET delete_time = clock()
         WHERE tenant_id = $1 AND name = $2 AND delete_time IS NULL",
        tenant.uuid(),
        name
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Takes the values of a property that was deleted away from the next users by
/// id, of any tenant: for a worker. After the last of them the property is gone.
/// False where none is left.
pub async fn clear(db: &mut PgConnection, at_most: i64) -> sqlx::Result<bool> {
    let claimed = sqlx::query!(
        "SELECT tenant_id, name, cleared_user_id FROM properties WHERE delete_time IS NOT NULL
         ORDER BY delete_time LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(claimed) = claimed else {
        return Ok(false);
    };
    let cleared = sqlx::query_scalar!(
        "UPDATE users SET properties = properties - $2::text, update_time = clock(),
             version = version + 1
         WHERE tenant_id = $1 AND id IN (
             SELECT id FROM users WHERE tenant_id = $1 AND id > $3 AND properties ? $2
             ORDER BY id LIMIT $4)
         RETURNING id",
        claimed.tenant_id,
        claimed.name,
        claimed.cleared_user_id,
        at_most,
    )
    .fetch_all(&mut *db)
    .await?;
    let last = cleared.into_iter().max();
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM properties WHERE tenant_id = $1 AND name = $2 AND $3::uuid IS NULL)
         UPDATE properties SET cleared_user_id = $3
         WHERE tenant_id = $1 AND name = $2 AND $3::uuid IS NOT NULL",
        claimed.tenant_id,
        claimed.name,
        last,
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Properties by name, those after a name, or before it with the nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    place: &str,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    if backward {
        properties!(
            "tenant_id = $1 AND name < $2 ORDER BY name DESC LIMIT $3",
            tenant.uuid(),
            place,
            limit
        )
        .fetch_all(db)
        .await
    } else {
        properties!(
            "tenant_id = $1 AND name > $2 ORDER BY name LIMIT $3",
            tenant.uuid(),
            place,
            limit
        )
        .fetch_all(db)
        .await
    }
}

/// How many properties the tenant has.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM properties WHERE tenant_id = $1 AND delete_time IS NULL"#,
        tenant.uuid()
    )
    .fetch_one(db)
    .await
}

//! Service accounts.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{ServiceAccount, Tenant},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A service account.
pub struct Row {
    /// The id.
    pub id: Id<ServiceAccount>,
    /// The tenant.
    pub tenant_id: Id<Tenant>,
    /// The name.
    pub name: String,
    /// What names are compared and sorted by.
    pub name_key: String,
    /// What it is for.
    pub description: String,
    /// When it was disabled; absent where it is not.
    pub disable_time: Option<DateTime<Utc>>,
    /// When it was created.
    pub create_time: DateTime<Utc>,
    /// When it was last changed.
    pub update_time: DateTime<Utc>,
    /// Grows with every change.
    pub version: i64,
    /// When one of its keys was last used.
    pub last_use_time: Option<DateTime<Utc>>,
}

macro_rules! accounts {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT a.id AS "id: Id<ServiceAccount>", a.tenant_id AS "tenant_id: Id<Tenant>", a.name,
                   a.name_key, a.description, a.disable_time, a.create_time, a.update_time, a.version,
                   (SELECT max(k.last_use_time) FROM api_keys k
                    WHERE k.tenant_id = a.tenant_id AND k.service_account_id = a.id) AS last_use_time
               FROM service_accounts a "# + $tail
            $(, $argument)*
        )
    };
}

/// Adds a service account. `None` where the name is taken.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ServiceAccount>,
    (name, name_key): (&str, &str),
    description: &str,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "INSERT INTO service_accounts (tenant_id, id, name, name_key, description)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, name_key) DO NOTHING",
        tenant.uuid(),
        id.uuid(),
        name,
        name_key,
        description,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// One service account.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ServiceAccount>,
) -> sqlx::Result<Option<Row>> {
    accounts!(
        "WHERE a.tenant_id = $1 AND a.id = $2",
        tenant.uuid(),
        id.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Service accounts by id; those that do not exist are left out.
pub async fn find(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Row>> {
    accounts!(
        "WHERE a.tenant_id = $1 AND a.id = ANY($2)",
        tenant.uuid(),
        ids
    )
    .fetch_all(db)
    .await
}

/// Locks a service account for this transaction.
pub async fn lock(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ServiceAccount>,
) -> sqlx::Result<Option<()>> {
    let row = sqlx::query!(
        "SELECT 1 AS found FROM service_accounts WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|_| ()))
}

/// A page of service accounts by name, those after a place, or before it with
/// the nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    after: &str,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    if backward {
        accounts!(
            "WHERE a.tenant_id = $1 AND a.name_key < $2 ORDER BY a.name_key DESC LIMIT $3",
            tenant.uuid(),
            after,
            limit,
        )
        .fetch_all(db)
        .await
    } else {
        accounts!(
            "WHERE a.tenant_id = $1 AND a.name_key > $2 ORDER BY a.name_key LIMIT $3",
            tenant.uuid(),
            after,
            limit,
        )
        .fetch_all(db)
        .await
    }
}

/// How many service accounts there are.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM service_accounts WHERE tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Changes a service account of a version. `None` where it is of another.
pub async fn update(
    db: &mut PgConnection,
    (tenant, id, version): (Id<Tenant>, Id<ServiceAccount>, i64),
    (name, name_key): (&str, &str),
    description: &str,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE service_accounts SET name = $4, name_key = $5, description = $6,
             update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
        tenant.uuid(),
        id.uuid(),
        version,
        name,
        name_key,
        description,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Disables or enables a service account; false where nothing changed.
pub async fn set_disabled(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ServiceAccount>,
    disabled: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE service_accounts SET disable_time = CASE WHEN $3 THEN clock() END,
             update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND (disable_time IS NOT NULL) <> $3",
        tenant.uuid(),
        id.uuid(),
        disabled,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a service account and its keys. `None` where there is none.
pub async fn delete(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ServiceAccount>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "DELETE FROM service_accounts WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

//! Tenants.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{MfaPolicy, Tenant, User},
};
use sqlx::PgConnection;

/// A tenant.
pub struct Row {
    /// The tenant.
    pub tenant_id: Id<Tenant>,
    /// The short name.
    pub name: String,
    /// The name shown to people.
    pub display_name: String,
    /// `OFF`, `OPTIONAL` or `REQUIRED`.
    pub mfa_policy: String,
    /// The language of mails.
    pub language: String,
    /// The `RoleSet`, by its number.
    pub role_set: i32,
    /// `PREPARING` or `ACTIVE`.
    pub state: String,
    /// Who asked for the tenant.
    pub creator_user_id: Option<Id<User>>,
    /// Where they live.
    pub creator_tenant_id: Option<Id<Tenant>>,
    /// The address from which they asked.
    pub creator_address: Option<String>,
    /// The request by which they asked; empty where it had no id.
    pub request_id: String,
    /// When the tenant was created.
    pub create_time: DateTime<Utc>,
    /// When it was last changed.
    pub update_time: DateTime<Utc>,
    /// Grows with every change.
    pub version: i64,
}

/// What a tenant is made of.
pub struct New<'a> {
    /// The tenant's id.
    pub id: Id<Tenant>,
    /// The short name.
    pub name: &'a str,
    /// The name shown to people.
    pub display_name: &'a str,
    /// The policy for second factors.
    pub mfa_policy: &'a str,
    /// The language of mails.
    pub language: &'a str,
    /// The `RoleSet`, by its number.
    pub role_set: i32,
    /// Who asks.
    pub creator_user_id: Option<Id<User>>,
    /// Where they live.
    pub creator_tenant_id: Option<Id<Tenant>>,
    /// The address from which they ask.
    pub creator_address: Option<String>,
    /// The id of their request; empty where it has none.
    pub request_id: &'a str,
}

/// A column of this table as the contract's enum, and back.
pub fn policy_name(policy: MfaPolicy) -> &'static str {
    match policy {
        MfaPolicy::Off => "OFF",
        MfaPolicy::Required => "REQUIRED",
        MfaPolicy::Optional | MfaPolicy::Unspecified => "OPTIONAL",
    }
}

/// The policy that a column names.
pub fn policy(name: &str) -> MfaPolicy {
    match name {
        "OFF" => MfaPolicy::Off,
        "REQUIRED" => MfaPolicy::Required,
        _ => MfaPolicy::Optional,
    }
}

macro_rules! tenants {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT tenant_id AS "tenant_id: Id<Tenant>", name, display_name, mfa_policy, language,
                   role_set, state, creator_user_id AS "creator_user_id: Id<User>",
                   creator_tenant_id AS "creator_tenant_id: Id<Tenant>", creator_address, request_id,
                   create_time, update_time, version
               FROM tenants "# + $tail
            $(, $argument)*
        )
    };
}

/// Begins a tenant, in the state PREPARING. Does nothing where the name is
/// taken. Names are unique over all tenants: for a worker.
pub async fn insert(db: &mut PgConnection, new: &New<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO tenants (tenant_id, name, display_name, mfa_policy, language, role_set,
             creator_user_id, creator_tenant_id, creator_address, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (name) DO NOTHING",
        new.id.uuid(),
        new.name,
        new.display_name,
        new.mfa_policy,
        new.language,
        new.role_set,
        new.creator_user_id.map(|id| id.uuid()),
        new.creator_tenant_id.map(|id| id.uuid()),
        new.creator_address,
        new.request_id,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Finds a tenant by its short name, whatever its state: for a worker.
pub async fn by_name(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<Row>> {
    tenants!("WHERE name = $1", name).fetch_optional(db).await
}

/// One tenant, whatever its state.
pub async fn get(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<Row>> {
    tenants!("WHERE tenant_id = $1", tenant.uuid())
        .fetch_optional(db)
        .await
}

/// One tenant, which nobody else changes until the transaction ends.
pub async fn lock(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<Row>> {
    tenants!("WHERE tenant_id = $1 FOR UPDATE", tenant.uuid())
        .fetch_optional(db)
        .await
}

/// Holds a tenant for this transaction, for counting what it has; its users come
/// and go meanwhile.
pub async fn hold(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<()>> {
    let row = sqlx::query!(
        "SELECT 1 AS found FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE",
        tenant.uuid()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|_| ()))
}

/// Finds an active tenant by its id or its short name: for a worker.
pub async fn active(db: &mut PgConnection, id_or_name: &str) -> sqlx::Result<Option<Id<Tenant>>> {
    let id: Option<Id<Tenant>> = id_or_name.parse().ok();
    sqlx::query_scalar!(
        r#"SELECT tenant_id AS "tenant_id: Id<Tenant>" FROM tenants
           WHERE (tenant_id = $1 OR name = $2) AND state = 'ACTIVE'"#,
        id.map(|id| id.uuid()),
        id_or_name,
    )
    .fetch_optional(db)
    .await
}

/// Makes a prepared tenant active. `None` where it is already.
pub async fn activate(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE tenants SET state = 'ACTIVE', update_time = clock()
         WHERE tenant_id = $1 AND state = 'PREPARING'",
        tenant.uuid(),
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Changes what is given, and grows the version. `None` where the tenant is
/// not there, or not of the version that was asked for.
pub async fn update(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    version: Option<i64>,
    display_name: Option<&str>,
    mfa_policy: Option<&str>,
    language: Option<&str>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE tenants SET display_name = coalesce($3, display_name),
             mfa_policy = coalesce($4, mfa_policy), language = coalesce($5, language),
             update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND state = 'ACTIVE' AND ($2::bigint IS NULL OR version = $2)",
        tenant.uuid(),
        version,
        display_name,
        mfa_policy,
        language,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Active tenants by name, those after a name, or before it with the nearest
/// first: for a worker.
pub async fn list(
    db: &mut PgConnection,
    place: &str,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    if backward {
        tenants!(
            "WHERE state = 'ACTIVE' AND name < $1 ORDER BY name DESC LIMIT $2",
            place,
            limit
        )
        .fetch_all(db)
        .await
    } else {
        tenants!(
            "WHERE state = 'ACTIVE' AND name > $1 ORDER BY name LIMIT $2",
            place,
            limit
        )
        .fetch_all(db)
        .await
    }
}

/// How many active tenants there are: for a worker.
pub async fn count(db: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM tenants WHERE state = 'ACTIVE'"#)
        .fetch_one(db)
        .await
}

/// Tenants whose preparation was left half done, not the platform's, those first
/// that were not tried for longest. They are left to the caller for half a
/// minute: for a worker.
pub async fn claim_abandoned(db: &mut PgConnection) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"UPDATE tenants SET update_time = clock()
           WHERE tenant_id IN (
               SELECT tenant_id FROM tenants
               WHERE state = 'PREPARING' AND update_time < clock() - interval '30 seconds'
                   AND name <> 'platform'
               ORDER BY update_time LIMIT 20 FOR UPDATE SKIP LOCKED)
           RETURNING tenant_id AS "tenant_id: Id<Tenant>", name, display_name, mfa_policy, language,
               role_set, state, creator_user_id AS "creator_user_id: Id<User>",
               creator_tenant_id AS "creator_tenant_id: Id<Tenant>", creator_address, request_id,
               create_time, update_time, version"#
    )
    .fetch_all(db)
    .await
}

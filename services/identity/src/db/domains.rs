//! Domains of tenants.

use chrono::{DateTime, Utc};
use contract::{Id, identity::Tenant};
use sqlx::PgConnection;

/// A domain.
pub struct Row {
    /// The domain, in lower case.
    pub name: String,
    /// What the TXT record is to hold.
    pub challenge: String,
    /// When it was added.
    pub create_time: DateTime<Utc>,
    /// When it was proven.
    pub verify_time: Option<DateTime<Utc>>,
    /// Whether it is the primary one.
    pub is_primary: bool,
}

macro_rules! domains {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT d.name, d.challenge, d.create_time, d.verify_time,
                   t.primary_domain IS NOT DISTINCT FROM d.name AS "is_primary!"
               FROM domains d JOIN tenants t ON t.tenant_id = d.tenant_id "# + $tail
            $(, $argument)*
        )
    };
}

/// Adds a domain. `None` where the tenant has it already, or has `at_most`. The
/// tenant must be locked, so that two at the same time are not both the last.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
    challenge: &str,
    at_most: i64,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "INSERT INTO domains (tenant_id, name, challenge)
         SELECT $1, $2, $3 WHERE (SELECT count(*) FROM domains WHERE tenant_id = $1) < $4
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        name,
        challenge,
        at_most,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// One domain.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
) -> sqlx::Result<Option<Row>> {
    domains!(
        "WHERE d.tenant_id = $1 AND d.name = $2",
        tenant.uuid(),
        name
    )
    .fetch_optional(db)
    .await
}

/// The same, locked against whoever chooses a username on it.
pub async fn lock(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
) -> sqlx::Result<Option<Row>> {
    domains!(
        "WHERE d.tenant_id = $1 AND d.name = $2 FOR UPDATE OF d",
        tenant.uuid(),
        name
    )
    .fetch_optional(db)
    .await
}

/// The proven domains, held so that none of them is removed in this transaction.
pub async fn hold_proven(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Vec<Row>> {
    domains!(
        "WHERE d.tenant_id = $1 AND d.verify_time IS NOT NULL ORDER BY d.name FOR KEY SHARE OF d",
        tenant.uuid()
    )
    .fetch_all(db)
    .await
}

/// The names of the proven domains.
pub async fn proven(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT name FROM domains WHERE tenant_id = $1 AND verify_time IS NOT NULL ORDER BY name",
        tenant.uuid()
    )
    .fetch_all(db)
    .await
}

/// Takes a domain as proven by the challenge that was looked up. `false` where
/// it is not there any more, or under another challenge.
pub async fn verify(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
    challenge: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE domains SET verify_time = coalesce(verify_time, clock())
         WHERE tenant_id = $1 AND name = $2 AND challenge = $3",
        tenant.uuid(),
        name,
        challenge,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes a proven domain the primary one; where there is one already, only if
/// `instead` is said.
pub async fn set_primary(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    name: &str,
    instead: bool,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE tenants SET primary_domain = $2
         WHERE tenant_id = $1 AND ($3 OR primary_domain IS NULL)
             AND EXISTS (SELECT 1 FROM domains
                 WHERE tenant_id = $1 AND name = $2 AND verify_time IS NOT NULL)",
        tenant.uuid(),
        name,
        instead,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Leaves the tenant without a primary domain.
pub async fn unset_primary(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE tenants SET primary_domain = NULL WHERE tenant_id = $1",
        tenant.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a domain. `false` where it is proven and usernames are on it. It must
/// be locked, so that none is chosen meanwhile. Removing is rare and reads all
/// usernames of the tenant: no index is kept for it with every user.
pub async fn remove(db: &mut PgConnection, tenant: Id<Tenant>, name: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM domains WHERE tenant_id = $1 AND name = $2 AND (verify_time IS NULL
             OR NOT EXISTS (SELECT 1 FROM users
                 WHERE tenant_id = $1 AND split_part(username_key, '@', -1) = $2))",
        tenant.uuid(),
        name,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Domains by name, those after a name, or before it with the nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    place: &str,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    if backward {
        domains!(
            "WHERE d.tenant_id = $1 AND d.name < $2 ORDER BY d.name DESC LIMIT $3",
            tenant.uuid(),
            place,
            limit
        )
        .fetch_all(db)
        .await
    } else {
        domains!(
            "WHERE d.tenant_id = $1 AND d.name > $2 ORDER BY d.name LIMIT $3",
            tenant.uuid(),
            place,
            limit
        )
        .fetch_all(db)
        .await
    }
}

/// How many domains the tenant has.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM domains WHERE tenant_id = $1"#,
        tenant.uuid()
    )
    .fetch_one(db)
    .await
}

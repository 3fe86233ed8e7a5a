//! Invited users, hundreds at a time.

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Invited users, a column each: a thousand are one statement.
#[derive(Default)]
pub struct Invited {
    /// The ids.
    pub ids: Vec<Uuid>,
    /// The first names.
    pub first_names: Vec<String>,
    /// The last names.
    pub last_names: Vec<String>,
    /// The addresses, also the usernames.
    pub emails: Vec<String>,
    /// The languages; empty for the tenant's.
    pub languages: Vec<String>,
    /// The keys of the usernames.
    pub username_keys: Vec<String>,
    /// The keys of the addresses.
    pub email_keys: Vec<String>,
    /// The sort keys.
    pub sort_keys: Vec<String>,
    /// Whether the address may be a username of the tenant.
    pub on_domain: Vec<bool>,
}

/// Adds invited users, those whose address may be a username, and whose id, address
/// and username are free, with the defaults of the tenant's own properties. The ids of those added.
pub async fn insert_invited(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    invited: &Invited,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "INSERT INTO users (tenant_id, id, first_name, last_name, username, email, language,
             username_key, email_key, sort_key, properties)
         SELECT t.tenant_id, i.id, i.first_name, i.last_name, i.email, i.email,
             coalesce(nullif(i.language, ''), t.language), i.username_key, i.email_key, i.sort_key,
             d.properties
         FROM tenants t, (
             SELECT coalesce(jsonb_object_agg(p.name, p.default_value), '{}') AS properties
             FROM (SELECT name, default_value FROM properties
                   WHERE tenant_id = $1 AND default_value IS NOT NULL
                       AND delete_time IS NULL FOR SHARE) p) d,
             unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::boolean[])
             AS i (id, first_name, last_name, email, language, username_key, email_key, sort_key,
                   on_domain)
         WHERE t.tenant_id = $1 AND i.on_domain
         ON CONFLICT DO NOTHING RETURNING id",
        tenant.uuid(),
        &invited.ids,
        &invited.first_names,
        &invited.last_names,
        &invited.emails,
        &invited.languages,
        &invited.username_keys,
        &invited.email_keys,
        &invited.sort_keys,
        &invited.on_domain,
    )
    .fetch_all(db)
    .await
}

/// Those of the ids that exist under exactly that address.
pub async fn existing(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    ids: &[Uuid],
    email_keys: &[String],
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT u.id FROM users u
         JOIN unnest($2::uuid[], $3::text[]) AS i (id, email_key)
             ON u.id = i.id AND u.email_key = i.email_key
         WHERE u.tenant_id = $1",
        tenant.uuid(),
        ids,
        email_keys,
    )
    .fetch_all(db)
    .await
}

/// Removes users that are still invited. The ids of those removed.
pub async fn remove_invited(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Id<User>>> {
    sqlx::query_scalar!(
        r#"DELETE FROM users
           WHERE tenant_id = $1 AND id = ANY($2) AND setup_time IS NULL
           RETURNING id AS "id: Id<User>""#,
        tenant.uuid(),
        ids,
    )
    .fetch_all(db)
    .await
}

//! Users.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::users::names::Names;

/// A user and what is derived of them.
pub struct Row {
    /// The user.
    pub id: Id<User>,
    /// The tenant in which the user lives.
    pub tenant_id: Id<Tenant>,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The name for logging in.
    pub username: String,
    /// The address.
    pub email: String,
    /// The language of mails.
    pub language: String,
    /// INVITED, ACTIVE or INACTIVE.
    pub status: String,
    /// What the user is sorted by.
    pub sort_key: String,
    /// When the user last logged in.
    pub last_login_time: Option<DateTime<Utc>>,
    /// When the user was created.
    pub create_time: DateTime<Utc>,
    /// When the user was last changed.
    pub update_time: DateTime<Utc>,
    /// Grows with every change.
    pub version: i64,
    /// Whether the user has an authenticator.
    pub mfa_enabled: bool,
    /// Since when the account is locked; absent where it is not.
    pub lock_time: Option<DateTime<Utc>>,
}

/// What a list of users is narrowed to.
pub struct Filter {
    /// A LIKE pattern over the search text.
    pub pattern: Option<String>,
    /// Only these statuses.
    pub statuses: Option<Vec<String>>,
    /// Only users with, or without, a second factor.
    pub mfa_enabled: Option<bool>,
}

/// A login name as a person typed it, looked up.
pub struct Login {
    /// The user.
    pub id: Id<User>,
    /// INVITED, ACTIVE or INACTIVE.
    pub status: String,
    /// The hash of the password; absent where there is none.
    pub hash: Option<String>,
}

macro_rules! people {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT u.id AS "id: Id<User>", u.tenant_id AS "tenant_id: Id<Tenant>", u.first_name,
                   u.last_name, u.username, u.email, u.language, u.status, u.sort_key,
                   u.last_login_time, u.create_time, u.update_time, u.version,
                   f.user_id IS NOT NULL AS "mfa_enabled!", a.lock_time AS "lock_time?"
               FROM users u
               LEFT JOIN totp_factors f ON f.tenant_id = u.tenant_id AND f.user_id = u.id
               LEFT JOIN attempts a ON a.tenant_id = u.tenant_id AND a.user_id = u.id
                   AND a.unlock_time > clock() "# + $tail
            $(, $argument)*
        )
    };
}

/// One user.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<Row>> {
    people!(
        "WHERE u.tenant_id = $1 AND u.id = $2",
        tenant.uuid(),
        id.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Users by the keys of their emails or by id; those that do not exist are
/// left out.
pub async fn find(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    email_keys: &[String],
    ids: &[Uuid],
) -> sqlx::Result<Vec<Row>> {
    people!(
        "WHERE u.tenant_id = $1 AND (u.email_key = ANY($2) OR u.id = ANY($3))",
        tenant.uuid(),
        email_keys,
        ids,
    )
    .fetch_all(db)
    .await
}

/// A page of users by sort key, those after a place, or before it with the
/// nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
    place: (&str, Uuid),
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (sort_key, id) = place;
    let (pattern, statuses) = (filter.pattern.as_deref(), filter.statuses.as_deref());
    if backward {
        people!(
            "WHERE u.tenant_id = $1 AND ($2::text IS NULL OR u.search_text LIKE $2)
                 AND ($3::text[] IS NULL OR u.status = ANY($3))
                 AND ($4::boolean IS NULL OR (f.user_id IS NOT NULL) = $4)
                 AND (u.sort_key, u.id) < ($5, $6)
             ORDER BY u.sort_key DESC, u.id DESC LIMIT $7",
            tenant.uuid(),
            pattern,
            statuses,
            filter.mfa_enabled,
            sort_key,
            id,
            limit,
        )
        .fetch_all(db)
        .await
    } else {
        people!(
            "WHERE u.tenant_id = $1 AND ($2::text IS NULL OR u.search_text LIKE $2)
                 AND ($3::text[] IS NULL OR u.status = ANY($3))
                 AND ($4::boolean IS NULL OR (f.user_id IS NOT NULL) = $4)
                 AND (u.sort_key, u.id) > ($5, $6)
             ORDER BY u.sort_key, u.id LIMIT $7",
            tenant.uuid(),
            pattern,
            statuses,
            filter.mfa_enabled,
            sort_key,
            id,
            limit,
        )
        .fetch_all(db)
        .await
    }
}

/// How many users fit a filter.
pub async fn count(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM users u
           LEFT JOIN totp_factors f ON f.tenant_id = u.tenant_id AND f.user_id = u.id
           WHERE u.tenant_id = $1 AND ($2::text IS NULL OR u.search_text LIKE $2)
             AND ($3::text[] IS NULL OR u.status = ANY($3))
             AND ($4::boolean IS NULL OR (f.user_id IS NOT NULL) = $4)"#,
        tenant.uuid(),
        filter.pattern.as_deref(),
        filter.statuses.as_deref(),
        filter.mfa_enabled,
    )
    .fetch_one(db)
    .await
}

/// Whom a login name belongs to.
pub async fn by_username(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    username_key: &str,
) -> sqlx::Result<Option<Login>> {
    sqlx::query_as!(
        Login,
        r#"SELECT u.id AS "id: Id<User>", u.status, p.hash AS "hash?"
           FROM users u LEFT JOIN passwords p ON p.tenant_id = u.tenant_id AND p.user_id = u.id
           WHERE u.tenant_id = $1 AND u.username_key = $2"#,
        tenant.uuid(),
        username_key,
    )
    .fetch_optional(db)
    .await
}

/// Locks a user for this transaction, if they can log in and their password is
/// still the one that was checked: a change of either waits, or came first.
pub async fn lock_for_login(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    hash: &str,
) -> sqlx::Result<Option<()>> {
    let row = sqlx::query!(
        "SELECT 1 AS found FROM users u
         JOIN passwords p ON p.tenant_id = u.tenant_id AND p.user_id = u.id
         WHERE u.tenant_id = $1 AND u.id = $2 AND u.status = 'ACTIVE' AND p.hash = $3
         FOR NO KEY UPDATE OF u",
        tenant.uuid(),
        id.uuid(),
        hash,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|_| ()))
}

/// Locks a user for this transaction, if they have the status.
pub async fn lock(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    status: &str,
) -> sqlx::Result<Option<()>> {
    let row = sqlx::query!(
        "SELECT 1 AS found FROM users WHERE tenant_id = $1 AND id = $2 AND status = $3 FOR NO KEY UPDATE",
        tenant.uuid(),
        id.uuid(),
        status,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|_| ()))
}

/// Adds a user who can log in at once (`ready`) or one who is invited. `None`
/// where the address or the username is taken.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    names: &Names,
    language: &str,
    ready: bool,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "INSERT INTO users (tenant_id, id, first_name, last_name, username, email, language,
             username_key, email_key, sort_key, search_text, setup_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, CASE WHEN $12 THEN clock() END)
         ON CONFLICT DO NOTHING",
        tenant.uuid(),
        id.uuid(),
        names.first_name,
        names.last_name,
        names.username,
        names.email,
        language,
        names.username_key,
        names.email_key,
        names.sort_key,
        names.search_text,
        ready,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

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
    /// The search texts.
    pub search_texts: Vec<String>,
}

/// Adds invited users, those whose id, address and username are free. The ids
/// of those added.
pub async fn insert_invited(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    invited: &Invited,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "INSERT INTO users (tenant_id, id, first_name, last_name, username, email, language,
             username_key, email_key, sort_key, search_text)
         SELECT t.tenant_id, i.id, i.first_name, i.last_name, i.email, i.email,
             coalesce(nullif(i.language, ''), t.language), i.username_key, i.email_key, i.sort_key,
             i.search_text
         FROM tenants t, unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::text[])
             AS i (id, first_name, last_name, email, language, username_key, email_key, sort_key,
                   search_text)
         WHERE t.tenant_id = $1
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
        &invited.search_texts,
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

/// Makes an invited user active under the names given. `None` where the user
/// is not invited.
pub async fn finish_setup(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    names: &Names,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE users SET setup_time = clock(), first_name = $3, last_name = $4, sort_key = $5,
             search_text = $6, update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND status = 'INVITED'",
        tenant.uuid(),
        id.uuid(),
        names.first_name,
        names.last_name,
        names.sort_key,
        names.search_text,
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Disables a user. `None` where there is nobody to disable.
pub async fn disable(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE users SET disable_time = clock(), update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND disable_time IS NULL",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Enables a disabled user. `None` where there is nobody to enable.
pub async fn enable(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE users SET disable_time = NULL, update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND disable_time IS NOT NULL",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// Notes that the user logged in now.
pub async fn logged_in(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET last_login_time = clock() WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes a user and all that hangs on them. `None` where there is none.
pub async fn delete(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "DELETE FROM users WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid()
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

/// The address of a user; `None` where there is no such user.
pub async fn email(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT email FROM users WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid()
    )
    .fetch_optional(db)
    .await
}

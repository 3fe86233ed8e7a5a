//! Users.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Device, Tenant, User},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::properties::values::Values;

mod edit;
mod invited;
mod life;
pub mod list;

pub use edit::{Details, update};
pub use invited::{Invited, existing, insert_invited, remove_invited};
pub use life::{delete, disable, enable, finish_setup, insert, logged_in};

/// A user and what is derived of them.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is true or not by itself"
)]
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
    /// The telephone number; empty where unknown.
    pub phone: String,
    /// The time zone; empty where unknown.
    pub time_zone: String,
    /// The address of a picture; empty where there is none.
    pub avatar_uri: String,
    /// The account in Active Directory.
    pub active_directory_id: Option<Uuid>,
    /// The classification level.
    pub classification_level_id: Option<Uuid>,
    /// The values of the tenant's own properties.
    pub properties: Json<Values>,
    /// When credentials were set.
    pub setup_time: Option<DateTime<Utc>>,
    /// INVITED, ACTIVE or INACTIVE.
    pub status: String,
    /// When the user last logged in.
    pub last_login_time: Option<DateTime<Utc>>,
    /// When the user was created.
    pub create_time: DateTime<Utc>,
    /// When the user was last changed.
    pub update_time: DateTime<Utc>,
    /// Grows with every change.
    pub version: i64,
    /// Whether the user has a second factor.
    pub mfa_enabled: bool,
    /// Whether the user has an authenticator.
    pub totp_enrolled: bool,
    /// Whether the user has a phone for codes.
    pub sms_enrolled: bool,
    /// How many recovery codes the user has left.
    pub recovery_codes_left: i32,
    /// Whether the user must have a second factor.
    pub mfa_required: bool,
    /// Whether the user uses a seat.
    pub licensed: bool,
    /// The roles that the user holds, on the tenant or on a project.
    pub role_ids: Vec<Uuid>,
    /// The projects on which the user holds a role.
    pub project_ids: Vec<Uuid>,
    /// The groups that the user is in.
    pub group_ids: Vec<Uuid>,
    /// Since when the account is locked; absent where it is not.
    pub lock_time: Option<DateTime<Utc>>,
    /// When the password must be changed, or ends; absent where it holds.
    pub password_expire_time: Option<DateTime<Utc>>,
    /// Whether that time is over.
    pub password_expired: bool,
}

/// A login name as a person typed it, looked up.
pub struct Named {
    /// The tenant.
    pub tenant_id: Id<Tenant>,
    /// The user; absent where nobody has the name.
    pub user_id: Option<Id<User>>,
    /// The password: which it is, its hash and the version of the key; absent
    /// where the user cannot log in by one.
    pub password_id: Option<Uuid>,
    /// As above.
    pub hash: Option<String>,
    /// As above.
    pub key_version: Option<i16>,
    /// The device of the user.
    pub device_id: Option<Id<Device>>,
    /// What the tenant's policy says of wrong answers; see `policies::Lockout`.
    pub max_attempts: i32,
    /// Seconds.
    pub window: i64,
    /// Seconds.
    pub duration: i64,
    /// Of an address.
    pub max_attempts_per_address: i32,
}

macro_rules! people {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT u.id AS "id: Id<User>", u.tenant_id AS "tenant_id: Id<Tenant>", u.first_name,
                   u.last_name, u.username, u.email, u.language, u.phone, u.time_zone, u.avatar_uri,
                   u.active_directory_id, u.classification_level_id,
                   u.properties - ARRAY(
                       SELECT p.name FROM properties p
                       WHERE p.tenant_id = u.tenant_id AND p.delete_time IS NOT NULL)
                       AS "properties!: Json<Values>", u.setup_time, u.status,
                   u.last_login_time, u.create_time, u.update_time, u.version,
                   f.totp_enrolled OR f.sms_enrolled AS "mfa_enabled!", f.totp_enrolled AS "totp_enrolled!",
                   f.sms_enrolled AS "sms_enrolled!", f.recovery_codes_left AS "recovery_codes_left!",
                   f.required AS "mfa_required!", u.licensed,
                   ARRAY(SELECT DISTINCT h.role_id FROM held_roles h
                         WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id) AS "role_ids!",
                   ARRAY(SELECT DISTINCT h.project_id FROM held_roles h
                         WHERE h.tenant_id = u.tenant_id AND h.user_id = u.id
                           AND h.project_id IS NOT NULL) AS "project_ids!",
                   ARRAY(SELECT m.group_id FROM memberships m
                         WHERE m.tenant_id = u.tenant_id AND m.user_id = u.id) AS "group_ids!",
                   a.lock_time AS "lock_time?", w.end_time AS "password_expire_time?",
                   coalesce(w.end_time <= clock(), false) AS "password_expired!"
               FROM users u
               JOIN second_factors f ON f.tenant_id = u.tenant_id AND f.user_id = u.id
               LEFT JOIN LATERAL (
                   SELECT coalesce(p.expire_time, CASE WHEN t.password_max_age > interval '0'
                                                       THEN p.change_time + t.password_max_age END)
                          AS end_time
                   FROM passwords p JOIN tenants t ON t.tenant_id = p.tenant_id
                   WHERE p.tenant_id = u.tenant_id AND p.user_id = u.id) w ON true
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

/// Users by id, in the order of the ids; those that do not exist are left out.
pub async fn by_ids(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    ids: &[Uuid],
) -> sqlx::Result<Vec<Row>> {
    people!(
        "JOIN unnest($2::uuid[]) WITH ORDINALITY AS wanted (id, at) ON u.id = wanted.id
         WHERE u.tenant_id = $1 ORDER BY wanted.at",
        tenant.uuid(),
        ids,
    )
    .fetch_all(db)
    .await
}

/// Whom a login name belongs to, in the tenant of this id or short name, and
/// which of their devices has the token. Where there is no such tenant, nobody in
/// the tenant `or`: for a worker.
pub async fn named(
    db: &mut PgConnection,
    tenant: &str,
    or: &str,
    username_key: &str,
    device_hash: &[u8],
) -> sqlx::Result<Option<Named>> {
    let id: Option<Id<Tenant>> = tenant.parse().ok();
    sqlx::query_as!(
        Named,
        r#"SELECT t.tenant_id AS "tenant_id: Id<Tenant>", u.id AS "user_id?: Id<User>",
               p.id AS "password_id?", p.hash AS "hash?", p.key_version AS "key_version?",
               d.id AS "device_id?: Id<Device>",
               t.lockout_max_attempts AS max_attempts,
               extract(epoch FROM t.lockout_window)::bigint AS "window!",
               extract(epoch FROM t.lockout_duration)::bigint AS "duration!",
               t.lockout_max_attempts_per_address AS max_attempts_per_address
           FROM tenants t
           LEFT JOIN users u ON u.tenant_id = t.tenant_id AND u.username_key = $3
               AND (t.name = $1 OR t.tenant_id = $2)
           LEFT JOIN passwords p ON p.tenant_id = u.tenant_id AND p.user_id = u.id
               AND u.status = 'ACTIVE' AND (p.expire_time IS NULL OR p.expire_time > clock())
           LEFT JOIN devices d ON d.tenant_id = u.tenant_id AND d.user_id = u.id
               AND d.token_hash = $4
           WHERE (t.name IN ($1, $5) OR t.tenant_id = $2) AND t.state = 'ACTIVE'
           ORDER BY t.name = $1 OR coalesce(t.tenant_id = $2, false) DESC LIMIT 1"#,
        tenant,
        id.map(|id| id.uuid()),
        username_key,
        device_hash,
        or,
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
    password: Uuid,
) -> sqlx::Result<Option<()>> {
    let row = sqlx::query!(
        "SELECT 1 AS found FROM users u
         JOIN passwords p ON p.tenant_id = u.tenant_id AND p.user_id = u.id
         WHERE u.tenant_id = $1 AND u.id = $2 AND u.status = 'ACTIVE' AND p.id = $3
         FOR NO KEY UPDATE OF u",
        tenant.uuid(),
        id.uuid(),
        password,
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

/// Locks a user for this transaction, whatever their status.
pub async fn lock_any(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> sqlx::Result<Option<()>> {
    let row = sqlx::query!(
        "SELECT 1 AS found FROM users WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|_| ()))
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

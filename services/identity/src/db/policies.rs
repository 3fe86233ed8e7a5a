//! The policies of tenants: columns of the tenants themselves.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{Id, identity::Tenant};
use sqlx::PgConnection;
use uuid::Uuid;

/// A policy, under the names of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The least characters of a password.
    pub password_min_length: i32,
    /// The least score of zxcvbn.
    pub password_min_strength: i32,
    /// How many former passwords cannot be used again.
    pub password_history_length: i32,
    /// Whether passwords known from breaches are taken.
    pub password_breached_allowed: bool,
    /// Seconds that a password holds; 0 for ever.
    pub password_max_age: i64,
    /// How long generated passwords are.
    pub password_generated_length: i32,
    /// How many wrong answers lock an account.
    pub lockout_max_attempts: i32,
    /// Seconds that wrong answers count.
    pub lockout_window: i64,
    /// Seconds that a lock lasts; 0 until an admin unlocks.
    pub lockout_duration: i64,
    /// How many wrong answers an address has.
    pub lockout_max_attempts_per_address: i32,
    /// `OFF`, `OPTIONAL` or `REQUIRED`.
    pub mfa_policy: String,
    /// The roles whose holders need a second factor.
    pub factor_required_role_ids: Vec<Uuid>,
    /// Whether codes may be sent by SMS.
    pub factor_sms_allowed: bool,
    /// Seconds that a trusted device skips the second factor; 0 for never.
    pub factor_device_trust_duration: i64,
    /// Seconds that a session lasts without being used.
    pub session_idle_timeout: i64,
    /// Seconds that a session lasts at most.
    pub session_max_lifetime: i64,
    /// When the tenant was last changed.
    pub update_time: DateTime<Utc>,
    /// Grows with every change of the tenant.
    pub version: i64,
}

impl Row {
    /// Seconds of this row as a duration.
    pub fn span(seconds: i64) -> Duration {
        Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    }
}

/// The policy of a tenant, whatever its state.
pub async fn get(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT password_min_length, password_min_strength, password_history_length,
               password_breached_allowed,
               extract(epoch FROM password_max_age)::bigint AS "password_max_age!",
               password_generated_length, lockout_max_attempts,
               extract(epoch FROM lockout_window)::bigint AS "lockout_window!",
               extract(epoch FROM lockout_duration)::bigint AS "lockout_duration!",
               lockout_max_attempts_per_address, mfa_policy, factor_required_role_ids,
               factor_sms_allowed,
               extract(epoch FROM factor_device_trust_duration)::bigint
                   AS "factor_device_trust_duration!",
               extract(epoch FROM session_idle_timeout)::bigint AS "session_idle_timeout!",
               extract(epoch FROM session_max_lifetime)::bigint AS "session_max_lifetime!",
               update_time, version
           FROM tenants WHERE tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Holds a tenant's policy as it is for this transaction.
pub async fn hold(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT FROM tenants WHERE tenant_id = $1 FOR NO KEY UPDATE",
        tenant.uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What of a policy bounds wrong answers.
pub struct Lockout {
    /// How many wrong answers lock an account.
    pub max_attempts: i32,
    /// Seconds that wrong answers count.
    pub window: i64,
    /// Seconds that a lock lasts; 0 until an admin unlocks.
    pub duration: i64,
    /// How many wrong answers an address has.
    pub max_attempts_per_address: i32,
}

/// What of the policy of a tenant bounds wrong answers.
pub async fn lockout(db: &mut PgConnection, tenant: Id<Tenant>) -> sqlx::Result<Option<Lockout>> {
    sqlx::query_as!(
        Lockout,
        r#"SELECT lockout_max_attempts AS max_attempts,
               extract(epoch FROM lockout_window)::bigint AS "window!",
               extract(epoch FROM lockout_duration)::bigint AS "duration!",
               lockout_max_attempts_per_address AS max_attempts_per_address
           FROM tenants WHERE tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Changes the policy of a tenant, whose version is asked for. `None` where the
/// tenant has another by now.
pub async fn update(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    version: i64,
    row: &Row,
) -> sqlx::Result<Option<()>> {
    let done = sqlx::query!(
        "UPDATE tenants SET password_min_length = $3, password_min_strength = $4,
             password_history_length = $5, password_breached_allowed = $6,
             password_max_age = $7 * interval '1 second', password_generated_length = $8,
             lockout_max_attempts = $9, lockout_window = $10 * interval '1 second',
             lockout_duration = $11 * interval '1 second',
             lockout_max_attempts_per_address = $12, mfa_policy = $13,
             factor_required_role_ids = $14, factor_sms_allowed = $15,
             factor_device_trust_duration = $16 * interval '1 second',
             session_idle_timeout = $17 * interval '1 second',
             session_max_lifetime = $18 * interval '1 second',
             update_time = clock(), version = version + 1
         WHERE tenant_id = $1 AND version = $2 AND state = 'ACTIVE'",
        tenant.uuid(),
        version,
        row.password_min_length,
        row.password_min_strength,
        row.password_history_length,
        row.password_breached_allowed,
        Row::span(row.password_max_age).as_secs_f64(),
        row.password_generated_length,
        row.lockout_max_attempts,
        Row::span(row.lockout_window).as_secs_f64(),
        Row::span(row.lockout_duration).as_secs_f64(),
        row.lockout_max_attempts_per_address,
        row.mfa_policy,
        &row.factor_required_role_ids,
        row.factor_sms_allowed,
        Row::span(row.factor_device_trust_duration).as_secs_f64(),
        Row::span(row.session_idle_timeout).as_secs_f64(),
        Row::span(row.session_max_lifetime).as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok((done.rows_affected() == 1).then_some(()))
}

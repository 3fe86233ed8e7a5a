//! What users have of second factors, and what their tenants ask of them.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;

/// What a user has, and what is asked of them.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is true or not by itself"
)]
pub struct Row {
    /// `OFF`, `OPTIONAL` or `REQUIRED`.
    pub mfa_policy: String,
    /// Whether the user must have a second factor.
    pub required: bool,
    /// Whether the tenant allows codes by SMS.
    pub sms_allowed: bool,
    /// Whether the user has an authenticator.
    pub totp_enrolled: bool,
    /// Whether the user has a phone for codes.
    pub sms_enrolled: bool,
    /// How many recovery codes the user has left.
    pub recovery_codes_left: i32,
}

/// A user's factors one by one.
pub struct Enrolled {
    /// When the authenticator was enrolled.
    pub totp_time: Option<DateTime<Utc>>,
    /// When the phone was enrolled.
    pub sms_time: Option<DateTime<Utc>>,
    /// The number of the phone.
    pub number: Option<String>,
}

/// What a user has, and what is asked of them. `None` where there is no such
/// user.
pub async fn get(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT mfa_policy AS "mfa_policy!", required AS "required!",
               sms_allowed AS "sms_allowed!", totp_enrolled AS "totp_enrolled!",
               sms_enrolled AS "sms_enrolled!", recovery_codes_left AS "recovery_codes_left!"
           FROM second_factors WHERE tenant_id = $1 AND user_id = $2"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// A user's factors one by one.
pub async fn enrolled(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Enrolled> {
    sqlx::query_as!(
        Enrolled,
        r#"SELECT f.enrol_time AS "totp_time?", s.enrol_time AS "sms_time?", s.number AS "number?"
           FROM (VALUES ($1::uuid, $2::uuid)) AS u (tenant_id, id)
           LEFT JOIN totp_factors f ON f.tenant_id = u.tenant_id AND f.user_id = u.id
           LEFT JOIN sms_factors s ON s.tenant_id = u.tenant_id AND s.user_id = u.id"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

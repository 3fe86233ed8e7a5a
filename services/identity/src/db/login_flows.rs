//! Logins under way, and what was proven in them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Device, LoginFlow, Tenant, User},
};
use sqlx::PgConnection;

use crate::logins::flow::Wishes;

/// A flow that has not ended, of a user who can log in.
#[expect(clippy::struct_excessive_bools, reason = "the columns of a table")]
pub struct Flow {
    /// The flow.
    pub id: Id<LoginFlow>,
    /// The tenant of the user.
    pub tenant_id: Id<Tenant>,
    /// The user.
    pub user_id: Id<User>,
    /// When the flow ends.
    pub expire_time: DateTime<Utc>,
    /// Whether the user asked to enrol an authenticator.
    pub enrol_totp: bool,
    /// The sealed secret of an authenticator that is being enrolled.
    pub totp_secret: Option<Vec<u8>>,
    /// The user's name for logging in.
    pub username: String,
    /// The tenant's name, as people know it.
    pub tenant_display_name: String,
    /// The tenant's policy for second factors.
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
    /// The device of the user that the login comes from; absent where that is new.
    pub device_id: Option<Id<Device>>,
    /// Whether that device skips the second factor.
    pub device_trusted: bool,
    /// What a new device calls itself.
    pub device_name: String,
    /// Whether the user asked to trust the device.
    pub trust_device: bool,
    /// What was proven.
    pub proofs: Vec<String>,
    /// Whether the password is a temporary one, or too old.
    pub password_due: bool,
}

/// Begins a flow in which the password was proven. When it ends.
pub async fn begin(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<LoginFlow>,
    user: Id<User>,
    token_hash: &[u8],
    wishes: &Wishes,
    lifetime: Duration,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        "WITH flow AS (
             INSERT INTO login_flows (tenant_id, id, user_id, token_hash, enrol_totp, expire_time,
                 device_id, device_name, trust_device)
             VALUES ($1, $2, $3, $4, $5, clock() + $6 * interval '1 second', $7, $8, $9)
             RETURNING tenant_id, id, expire_time),
         proof AS (
             INSERT INTO login_proofs (tenant_id, flow_id, factor)
             SELECT tenant_id, id, 'PASSWORD' FROM flow)
         SELECT expire_time FROM flow",
        tenant.uuid(),
        id.uuid(),
        user.uuid(),
        token_hash,
        wishes.enrol_totp,
        lifetime.as_secs_f64(),
        wishes.device.map(|id| id.uuid()),
        wishes.device_name,
        wishes.trust_device,
    )
    .fetch_one(db)
    .await
}

macro_rules! flows {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Flow,
            r#"SELECT l.id AS "id: Id<LoginFlow>", l.tenant_id AS "tenant_id: Id<Tenant>",
                   l.user_id AS "user_id: Id<User>", l.expire_time, l.enrol_totp, l.totp_secret,
                   u.username, t.display_name AS tenant_display_name,
                   f.mfa_policy AS "mfa_policy!", f.required AS "required!",
                   f.sms_allowed AS "sms_allowed!", f.totp_enrolled AS "totp_enrolled!",
                   f.sms_enrolled AS "sms_enrolled!", f.recovery_codes_left AS "recovery_codes_left!",
                   d.id AS "device_id?: Id<Device>", l.device_name, l.trust_device,
                   coalesce(d.trust_end_time > clock() AND t.factor_device_trust_duration > '0', false)
                       AS "device_trusted!",
                   ARRAY(SELECT p.factor FROM login_proofs p
                         WHERE p.tenant_id = l.tenant_id AND p.flow_id = l.id) AS "proofs!",
                   EXISTS (SELECT FROM passwords w
                           WHERE w.tenant_id = l.tenant_id AND w.user_id = l.user_id
                             AND (w.temporary OR t.password_max_age > interval '0'
                                  AND w.change_time + t.password_max_age <= clock())) AS "password_due!"
               FROM login_flows l
               JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.user_id
               JOIN tenants t ON t.tenant_id = l.tenant_id
               JOIN second_factors f ON f.tenant_id = l.tenant_id AND f.user_id = l.user_id
               LEFT JOIN devices d ON d.tenant_id = l.tenant_id AND d.id = l.device_id "# + $tail
            $(, $argument)*
        )
    };
}

/// Finds the flow of a token, in any tenant: for a worker.
pub async fn by_token(db: &mut PgConnection, token_hash: &[u8]) -> sqlx::Result<Option<Flow>> {
    flows!(
        "WHERE l.token_hash = $1 AND l.expire_time > clock() AND u.status = 'ACTIVE'",
        token_hash,
    )
    .fetch_optional(db)
    .await
}

/// Locks a flow for this transaction and reads what is true of it now. `None`
/// where it has ended.
pub async fn lock(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<LoginFlow>,
) -> sqlx::Result<Option<Flow>> {
    flows!(
        "WHERE l.tenant_id = $1 AND l.id = $2 AND l.expire_time > clock() AND u.status = 'ACTIVE'
         FOR UPDATE OF l",
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Records a proof in a flow.
pub async fn prove(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<LoginFlow>,
    factor: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO login_proofs (tenant_id, flow_id, factor) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, flow_id, factor) DO NOTHING",
        tenant.uuid(),
        id.uuid(),
        factor,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Counts a password that was refused in a flow, which ends with the last of so
/// many.
pub async fn refuse(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<LoginFlow>,
    at_most: i32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE login_flows SET refusals = refusals + 1,
             expire_time = CASE WHEN refusals + 1 >= $3 THEN clock() ELSE expire_time END
         WHERE tenant_id = $1 AND id = $2 AND expire_time > clock()",
        tenant.uuid(),
        id.uuid(),
        at_most,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps the sealed secret of an authenticator that is being enrolled, in
/// place of an earlier one.
pub async fn set_totp_secret(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<LoginFlow>,
    secret: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE login_flows SET totp_secret = $3 WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid(),
        secret,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends all flows of a user but one, or all.
pub async fn end_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    but: Option<Id<LoginFlow>>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM login_flows WHERE tenant_id = $1 AND user_id = $2 AND id IS DISTINCT FROM $3",
        tenant.uuid(),
        user.uuid(),
        but.map(|id| id.uuid()),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes flows that are over, of all tenants: for a worker.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM login_flows WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM login_flows WHERE expire_time < clock() - interval '1 hour'
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

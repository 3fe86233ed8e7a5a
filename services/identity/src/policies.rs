//! What a tenant asks of its users: passwords, lockouts, second factors,
//! sessions (requirements P-05, P-06, P-08, M-02). The rooms that enforce a
//! policy [`read`] it in their own transaction.

mod check;
mod update;

use contract::{
    Id,
    identity::{
        FactorPolicy, GetPolicyRequest, GetPolicyResponse, LockoutPolicy, PasswordPolicy, Policy,
        SessionPolicy, Tenant, UpdatePolicyRequest, UpdatePolicyResponse,
        policy_service_server::PolicyService,
    },
};
use prost_types::Duration;
use rpc::{Error, Reply};
use sqlx::PgConnection;
use tonic::Request;
use uuid::Uuid;

use crate::{Identity, db, db::policies::Row, tenants, timestamp};

#[tonic::async_trait]
impl PolicyService for Identity {
    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Reply<GetPolicyResponse> {
        let (caller, _) = rpc::open(request)?;
        let mut tx = self.store.read(&caller).await?;
        let row = read(&mut tx, caller.tenant()?).await?;
        rpc::reply(Ok(GetPolicyResponse {
            policy: Some(row.into()),
        }))
    }

    async fn update_policy(
        &self,
        request: Request<UpdatePolicyRequest>,
    ) -> Reply<UpdatePolicyResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(update::run(self, &caller, ask).await)
    }
}

/// The policy of a tenant, or `TENANT_NOT_FOUND`.
pub async fn read(db: &mut PgConnection, tenant: Id<Tenant>) -> Result<Row, Error> {
    db::policies::get(db, tenant)
        .await?
        .ok_or_else(tenants::not_found)
}

impl From<Row> for Policy {
    fn from(row: Row) -> Policy {
        Policy {
            password: Some(PasswordPolicy {
                min_length: row.password_min_length.cast_unsigned(),
                min_strength: row.password_min_strength.cast_unsigned(),
                history_length: row.password_history_length.cast_unsigned(),
                breached_allowed: row.password_breached_allowed,
                max_age: span(row.password_max_age),
                generated_length: row.password_generated_length.cast_unsigned(),
            }),
            lockout: Some(LockoutPolicy {
                max_attempts: row.lockout_max_attempts.cast_unsigned(),
                window: span(row.lockout_window),
                duration: span(row.lockout_duration),
                max_attempts_per_address: row.lockout_max_attempts_per_address.cast_unsigned(),
            }),
            factor: Some(FactorPolicy {
                mfa_policy: db::tenants::policy(&row.mfa_policy).into(),
                required_role_ids: row
                    .factor_required_role_ids
                    .iter()
                    .map(Uuid::to_string)
                    .collect(),
                sms_allowed: row.factor_sms_allowed,
                device_trust_duration: span(row.factor_device_trust_duration),
            }),
            session: Some(SessionPolicy {
                idle_timeout: span(row.session_idle_timeout),
                max_lifetime: span(row.session_max_lifetime),
            }),
            update_time: Some(timestamp(row.update_time)),
            etag: row.version.to_string(),
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a field of a message is an option"
)]
fn span(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

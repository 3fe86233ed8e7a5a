//! What a policy may say: the ranges that the contract names.

use std::ops::RangeInclusive;

use contract::identity::{
    FactorPolicy, LockoutPolicy, MfaPolicy, PasswordPolicy, Policy, SessionPolicy,
};
use prost_types::Duration;
use rpc::Error;

use crate::{db, db::policies::Row};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Turns a policy of the contract into the row that keeps it. `before` gives
/// what the contract does not let anybody set.
pub fn row(policy: Policy, before: &Row) -> Result<Row, Error> {
    let password = policy.password.unwrap_or_default();
    let lockout = policy.lockout.unwrap_or_default();
    let factor = policy.factor.unwrap_or_default();
    let session = policy.session.unwrap_or_default();
    Ok(Row {
        factor_required_role_ids: roles(&factor)?,
        mfa_policy: mfa_policy(&factor)?.into(),
        factor_sms_allowed: factor.sms_allowed,
        factor_device_trust_duration: trust(&factor)?,
        ..sessions(&session, lockouts(&lockout, passwords(&password, before)?)?)?
    })
}

fn passwords(policy: &PasswordPolicy, before: &Row) -> Result<Row, Error> {
    Ok(Row {
        password_min_length: number("password.min_length", policy.min_length, 8..=64)?,
        password_min_strength: number("password.min_strength", policy.min_strength, 0..=4)?,
        password_history_length: number("password.history_length", policy.history_length, 0..=24)?,
        password_breached_allowed: policy.breached_allowed,
        password_max_age: or_zero("password.max_age", policy.max_age, DAY..=3650 * DAY)?,
        password_generated_length: number(
            "password.generated_length",
            policy.generated_length,
            8..=64,
        )?,
        ..before.clone()
    })
}

fn lockouts(policy: &LockoutPolicy, row: Row) -> Result<Row, Error> {
    Ok(Row {
        lockout_max_attempts: number("lockout.max_attempts", policy.max_attempts, 3..=100)?,
        lockout_window: seconds("lockout.window", policy.window, MINUTE..=DAY)?,
        lockout_duration: or_zero("lockout.duration", policy.duration, MINUTE..=30 * DAY)?,
        lockout_max_attempts_per_address: number(
            "lockout.max_attempts_per_address",
            policy.max_attempts_per_address,
            10..=10_000,
        )?,
        ..row
    })
}

fn sessions(policy: &SessionPolicy, row: Row) -> Result<Row, Error> {
    let (least, most) = (5 * MINUTE, 90 * DAY);
    let idle = seconds(
        "session.idle_timeout",
        policy.idle_timeout,
        least..=30 * DAY,
    )?;
    Ok(Row {
        session_idle_timeout: idle,
        session_max_lifetime: seconds("session.max_lifetime", policy.max_lifetime, least..=most)?,
        ..row
    })
}

fn mfa_policy(policy: &FactorPolicy) -> Result<&'static str, Error> {
    match policy.mfa_policy() {
        MfaPolicy::Unspecified => Err(Error::field(
            "policy.factor.mfa_policy",
            "must be one of MFA_POLICY_OFF, MFA_POLICY_OPTIONAL, MFA_POLICY_REQUIRED",
        )),
        given => Ok(db::tenants::policy_name(given)),
    }
}

fn roles(policy: &FactorPolicy) -> Result<Vec<uuid::Uuid>, Error> {
    let ids = policy.required_role_ids.iter().map(|id| Ok(id.parse()?));
    ids.collect()
}

fn trust(policy: &FactorPolicy) -> Result<i64, Error> {
    or_zero(
        "factor.device_trust_duration",
        policy.device_trust_duration,
        HOUR..=90 * DAY,
    )
}

fn number(field: &str, value: u32, range: RangeInclusive<i32>) -> Result<i32, Error> {
    let number = i32::try_from(value).ok();
    number
        .filter(|value| range.contains(value))
        .ok_or_else(|| outside(field, &format!("{} to {}", range.start(), range.end())))
}

fn or_zero(field: &str, span: Option<Duration>, range: RangeInclusive<i64>) -> Result<i64, Error> {
    if span.unwrap_or_default() == Duration::default() {
        return Ok(0);
    }
    seconds(field, span, range)
}

fn seconds(field: &str, span: Option<Duration>, range: RangeInclusive<i64>) -> Result<i64, Error> {
    match span {
        Some(Duration { seconds, nanos: 0 }) if range.contains(&seconds) => Ok(seconds),
        _ => {
            let range = format!("{}s to {}s, in whole seconds", range.start(), range.end());
            Err(outside(field, &range))
        }
    }
}

fn outside(field: &str, range: &str) -> Error {
    Error::field(format!("policy.{field}"), format!("must be {range}"))
}

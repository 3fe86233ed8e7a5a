//! Second factors: authenticators with time-based codes (requirement M-01).
//! The calls are part of the login service; see `logins.rs`.

pub mod confirm_totp;
pub mod enrol_totp;
pub mod totp;
pub mod verify_totp;

use contract::{
    Id,
    identity::{ErrorReason, Tenant, User},
};
use rpc::{Because as _, Error};

/// What seals an authenticator's secret to its user: tenant, user and column.
fn context(tenant: Id<Tenant>, user: Id<User>, column: &str) -> Vec<u8> {
    [
        tenant.uuid().as_bytes().as_slice(),
        user.uuid().as_bytes(),
        column.as_bytes(),
    ]
    .concat()
}

const PURPOSE: &str = "totp secret";
const ENROLLED: &str = "totp_factors.secret";
const ENROLLING: &str = "login_flows.totp_secret";

fn wrong() -> Error {
    ErrorReason::CodeWrong
        .because("the code is wrong or was used before, or the account cannot log in now")
}

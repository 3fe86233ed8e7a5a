//! What a password must be, how it is kept, and when it ends (requirements P-02
//! to P-05, P-09).
//!
//! Kept is `argon2id(HMAC(key, password))` with the parameters of OWASP's
//! password storage cheat sheet (19 MiB, two passes, one lane). The HMAC under
//! a key that is not in the database makes a stolen table useless by itself,
//! and gives every password the same length before the slow part. What is kept
//! otherwise, because another system made it or an earlier release did, is
//! replaced at the next login, under the lock on the user: one that was changed
//! meanwhile stays changed (B-6).
//!
//! Rules are those of NIST SP 800-63B-4 and OWASP ASVS 5 (see [`Terms`]), and a
//! tenant's policy may ask for more. A password that somebody else has seen, or
//! that is older than the policy lets it be, opens nothing but a flow in which
//! it is changed.

mod blocklist;
pub mod breached;
mod change;
pub mod change_expired;
pub mod expiry;
pub mod first;
mod foreign;
pub mod generated;
mod hashing;
mod kept;
pub mod mails;
mod renew;
mod resend;
mod rules;
mod send_reset;

use contract::{
    Id,
    identity::{
        ChangePasswordRequest, ChangePasswordResponse, ErrorReason, ResendPasswordRequest,
        ResendPasswordResponse, SendPasswordResetRequest, SendPasswordResetResponse, Tenant, User,
        password_service_server::PasswordService,
    },
};
use rpc::{Because as _, Error, Reply};
use sqlx::PgConnection;
use tonic::Request;

use crate::{Identity, db, policies, tenants, users, users::names::Names};

pub use hashing::{Hashing, Place};
pub use kept::Kept;
pub use renew::{MOST_REFUSED, another, renew};
pub use rules::Terms;

#[tonic::async_trait]
impl PasswordService for Identity {
    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Reply<ChangePasswordResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(change::run(self, &caller, ask).await)
    }

    async fn send_password_reset(
        &self,
        request: Request<SendPasswordResetRequest>,
    ) -> Reply<SendPasswordResetResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(send_reset::run(self, &caller, ask).await)
    }

    async fn resend_password(
        &self,
        request: Request<ResendPasswordRequest>,
    ) -> Reply<ResendPasswordResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(resend::run(self, &caller, ask).await)
    }
}

/// What the tenant asks of the next password of somebody with these names.
pub async fn terms(
    app: &Identity,
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    names: &Names,
) -> Result<Terms, Error> {
    let policy = policies::read(db, tenant).await?;
    let row = db::tenants::get(db, tenant)
        .await?
        .ok_or_else(tenants::not_found)?;
    Ok(Terms::of(&app.breached, &policy, &row.name, names))
}

/// The same for a user, or `USER_NOT_FOUND`.
pub async fn terms_of(
    app: &Identity,
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> Result<Terms, Error> {
    let row = db::users::get(db, tenant, user)
        .await?
        .ok_or_else(users::not_found)?;
    let names = Names::of(&row.first_name, &row.last_name, &row.username, &row.email)
        .ok_or_else(|| Error::fault("kept names do not fit"))?;
    terms(app, db, tenant, &names).await
}

/// Locks a user to whom a mail is to go, and answers their address, or refuses.
async fn lock_addressee(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> Result<String, Error> {
    let locked = db::users::lock(db, tenant, user, "ACTIVE").await?;
    let addressee = users::read(db, tenant, user).await?;
    if locked.is_some() {
        return Ok(addressee.email);
    }
    Err(ErrorReason::UserNotActive
        .because("the user is disabled, or has not accepted the invitation yet"))
}

//! Users who change their own factors.
//!
//! They do so where they live, whatever tenant they act in, and from a session
//! in which they proved lately what it takes to log in: a session that was
//! stolen, or left open on a desk, changes no factor (B-11).

use std::time::Duration;

use contract::{
    Id,
    identity::{ErrorReason, LoginProof, Session, Tenant, User},
};
use rpc::{Because as _, Caller, Error};
use store::Tx;

use super::{Standing, sms::Holder};
use crate::{
    Identity, db,
    lockouts::{Charge, Who},
};

/// How long a proof counts.
pub const FRESH: Duration = Duration::from_mins(5);

/// A user at home, in a session.
pub struct Own {
    /// The caller, acting where they live.
    pub caller: Caller,
    /// Where they live.
    pub tenant: Id<Tenant>,
    /// The user.
    pub user: Id<User>,
    /// The session.
    pub session: Id<Session>,
}

impl Own {
    /// The caller; refused where they call from no session.
    pub fn of(caller: &Caller) -> Result<Own, Error> {
        let tenant = caller.own_tenant()?;
        Ok(Own {
            caller: caller.acting_in(tenant),
            tenant,
            user: caller.user()?,
            session: caller.session.ok_or_else(required)?,
        })
    }

    /// Whom codes that are sent to this session are for.
    pub fn holder(&self) -> Holder {
        Holder {
            tenant: self.tenant,
            user: self.user,
            id: self.session.uuid(),
        }
    }

    /// Locks the user and answers what they have; refused where they have not
    /// proven lately who they are.
    pub async fn fresh(&self, tx: &mut Tx) -> Result<Standing, Error> {
        let standing = self.lock(tx).await?;
        let proven = db::session_proofs::get(tx, self.tenant, self.session).await?;
        if proven.password && (proven.second || !standing.is_usable()) {
            Ok(standing)
        } else {
            Err(required())
        }
    }

    /// Locks the user, so that changes of factors come one after the other.
    pub async fn lock(&self, tx: &mut Tx) -> Result<Standing, Error> {
        db::users::lock(tx, self.tenant, self.user, "ACTIVE")
            .await?
            .ok_or_else(required)?;
        Standing::read(tx, self.tenant, self.user).await
    }

    /// Records a proof in the session.
    pub async fn prove(
        &self,
        tx: &mut Tx,
        factor: &str,
    ) -> Result<chrono::DateTime<chrono::Utc>, Error> {
        db::session_proofs::prove(tx, self.tenant, self.session, factor, FRESH)
            .await?
            .ok_or_else(required)
    }

    /// Charges an answer that is about to be checked.
    /// `None` where the account is locked.
    pub async fn charge(&self, app: &Identity, proof: LoginProof) -> Result<Option<Charge>, Error> {
        let who = Who::User(self.tenant, self.user);
        Charge::take(app, &self.caller, who, proof).await
    }
}

fn required() -> Error {
    ErrorReason::ReauthenticationRequired
        .because("prove again who you are: call Reauthenticate in this session")
}

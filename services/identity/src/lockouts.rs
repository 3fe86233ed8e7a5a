//! One budget of wrong answers per user, over every factor and path
//! (requirement P-06; B-2, B-3, B-4, B-9).
//!
//! An answer is charged, in a transaction of its own, before it is checked;
//! the charge becomes a failure or is given back. So no number of parallel
//! guesses, on however many replicas, gets more checks than the budget. The
//! charges of answers that are being checked are counted apart from failures:
//! where they alone fill the budget the next answer waits for one of them, and
//! fifty right passwords at the same time are all let in. Nothing is held
//! while it waits, neither a connection nor a lock, so that guessing at one
//! user costs the others nothing.
//!
//! A process that is killed settles nothing, so charges count for the length of
//! a lease and no longer. An answer whose check outlived its lease is not told:
//! its place in the budget may be another's by then.

mod gates;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use boot::Tasks;
use chrono::{DateTime, TimeDelta, Utc};
use contract::{
    Id,
    identity::{ErrorReason, Event, LoginFailed, LoginProof, Tenant, User, UserLockedOut},
};
use rpc::{Because as _, Caller, Error};
use store::{Store, Tx};
use tokio::time::Instant;

use crate::{Identity, db, timestamp};

pub use gates::Gates;
use gates::Through;

/// How many wrong answers a user has within [`WINDOW`] before the account is
/// locked. NIST SP 800-63B-4 allows up to 100 in a row.
pub const LIMIT: i32 = 10;
/// How long wrong answers count, from the first.
pub const WINDOW: Duration = Duration::from_mins(15);
/// How long a lock lasts.
pub const LOCK: Duration = Duration::from_mins(15);

/// How long charges count that are not settled, from the last one on.
const LEASE: Duration = Duration::from_secs(30);
/// After how long an answer is not told any more: sooner than its lease ends,
/// so that it is over before anybody takes its place.
const TOLD: TimeDelta = TimeDelta::seconds(20);

/// How long an answer waits for others of the same user to be checked. With
/// the wait for hashing it stays below the deadline of a call, so that who
/// waits in vain hears when to try again.
const PATIENCE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Whose answer is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user of a tenant.
    User(Id<Tenant>, Id<User>),
    /// A name that nobody has in a tenant; the id is made of the name.
    Stranger(Id<Tenant>, Id<User>),
    /// A name in a tenant that does not exist: there is no audit trail.
    Nobody(Id<Tenant>, Id<User>),
}

/// A charge for one answer that is being checked.
///
/// Dropped without a word, as when the caller goes away, it becomes a failure:
/// nobody knows what the check would have said.
pub struct Charge {
    store: Store,
    tasks: Tasks,
    caller: Caller,
    who: Who,
    proof: LoginProof,
    since: DateTime<Utc>,
    settled: Arc<AtomicBool>,
    _through: Through,
}

impl Charge {
    /// Charges one answer. `None` where the account is locked.
    pub async fn take(
        app: &Identity,
        caller: &Caller,
        who: Who,
        proof: LoginProof,
    ) -> Result<Option<Charge>, Error> {
        let give_up = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        let (tenant, user) = who.budget();
        let through = tokio::time::timeout_at(give_up, app.gates.enter(user)).await;
        let through = through.unwrap_or_else(|_| Err(crowded()))?;
        // More than once only where other replicas check answers of this user
        // too, or few are left of the budget.
        loop {
            let since = app.store.clock().now();
            let mut tx = app.store.tenant(tenant, caller).await?;
            if db::attempts::charge(&mut tx, tenant, user, LIMIT, WINDOW, LEASE).await? {
                let (store, tasks, caller) = (app.store.clone(), app.tasks.clone(), caller.clone());
                let charge = Charge {
                    store,
                    tasks,
                    caller,
                    who,
                    proof,
                    since,
                    settled: Arc::default(),
                    _through: through,
                };
                // Made before the commit, so that no cancellation loses it.
                tx.done().await?;
                return Ok(Some(charge));
            }
            if db::attempts::is_locked(&mut tx, tenant, user).await? {
                return Ok(None);
            }
            drop(tx);
            if Instant::now() >= give_up {
                return Err(crowded());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The answer was right: gives the charge back, in the transaction of what
    /// follows from the answer. It counts as wrong unless that is committed.
    pub async fn pass(&self, tx: &mut Tx) -> Result<(), Error> {
        if self.is_late() {
            return Err(crowded());
        }
        self.give_back(tx).await
    }

    async fn give_back(&self, tx: &mut Tx) -> Result<(), Error> {
        let (tenant, user) = self.who.budget();
        // What is late the lease gives back; the place may be another's.
        if !self.is_late() {
            db::attempts::refund(tx, tenant, user).await?;
        }
        let settled = self.settled.clone();
        tx.after_commit(move || settled.store(true, SeqCst));
        Ok(())
    }

    /// The answer was never checked: gives the charge back.
    pub async fn refund(self) -> Result<(), Error> {
        let (tenant, _) = self.who.budget();
        let mut tx = self.store.tenant(tenant, &self.caller).await?;
        self.give_back(&mut tx).await?;
        tx.done().await
    }

    /// The answer was wrong.
    pub async fn fail(self) -> Result<(), Error> {
        let settled = self.settled.clone();
        fail(&self.store, &self.caller, self.who, self.proof, settled).await?;
        if self.is_late() {
            return Err(crowded());
        }
        Ok(())
    }

    fn is_late(&self) -> bool {
        self.store.clock().now() - self.since >= TOLD
    }
}

fn crowded() -> Error {
    ErrorReason::TooManyLogins
        .because("too many logins of one user at the same time")
        .retry_after(Duration::from_secs(1))
}

impl Who {
    /// The key of the budget.
    fn budget(self) -> (Id<Tenant>, Id<User>) {
        match self {
            Who::User(tenant, user) | Who::Stranger(tenant, user) | Who::Nobody(tenant, user) => {
                (tenant, user)
            }
        }
    }
}

async fn fail(
    store: &Store,
    caller: &Caller,
    who: Who,
    proof: LoginProof,
    settled: Arc<AtomicBool>,
) -> Result<(), Error> {
    let (tenant, user) = who.budget();
    let mut tx = store.tenant(tenant, caller).await?;
    let unlock_time = db::attempts::fail(&mut tx, tenant, user, LIMIT, LOCK).await?;
    let user_id = match who {
        Who::User(_, user) => user.to_string(),
        Who::Stranger(..) | Who::Nobody(..) => String::new(),
    };
    if !matches!(who, Who::Nobody(..)) {
        tx.publish(Event::from(LoginFailed {
            user_id: user_id.clone(),
            proof: proof.into(),
        }));
    }
    if let (Who::User(..), Some(unlock_time)) = (who, unlock_time) {
        tx.publish(Event::from(UserLockedOut {
            user_id,
            unlock_time: Some(timestamp(unlock_time)),
        }));
    }
    tx.after_commit(move || settled.store(true, SeqCst));
    tx.done().await
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.settled.load(SeqCst) {
            return;
        }
        let (store, caller, settled) = (
            self.store.clone(),
            self.caller.clone(),
            self.settled.clone(),
        );
        let (who, proof) = (self.who, self.proof);
        self.tasks
            .spawn("settle an answer whose caller went away", async move {
                if let Err(error) = fail(&store, &caller, who, proof, settled).await {
                    // It stays charged until its lease ends.
                    tracing::warn!(%error, "an answer stays charged");
                }
            });
    }
}

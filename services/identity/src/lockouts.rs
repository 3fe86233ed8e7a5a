//! One budget of wrong answers per user, over every factor and path
//! (requirement P-06; B-2, B-3, B-4, B-9), and one per network address.
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
//! Whoever can lock an account could keep its owner out. So a device that the
//! owner has logged in from has a budget of its own (see [`crate::devices`]),
//! which the guesses of others do not touch.
//!
//! Windows end, and who guesses slowly would have all the time in the world. So
//! wrong answers are counted in a row too, until the user logs in, from wherever
//! that is: the account is locked for good before there are more than a hundred.
//! The owner is still let in on their devices, and opens it by setting a password
//! through a mailed link; not where it was second factors that were guessed, which
//! whoever reads the mails has not proven.
//!
//! A process that is killed settles nothing, so charges count for the length of
//! a lease and no longer. An answer whose check outlived its lease is not told:
//! its place in the budget may be another's by then.

mod budgets;
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
use contract::identity::{ErrorReason, LoginProof};
use rpc::{Because as _, Caller, Error};
use store::{Store, Tx};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Identity,
    db::{self, passwords::Row as Password},
    logins::names::{self, Name},
    tenants,
};

use budgets::{Budgets, Charged};
pub use budgets::{IN_A_ROW, Who, derived};
pub use gates::Gates;
use gates::Through;

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

/// A charge for one answer that is being checked.
///
/// Dropped without a word, as when the caller goes away, it becomes a failure:
/// nobody knows what the check would have said.
pub struct Charge {
    store: Store,
    tasks: Tasks,
    caller: Caller,
    budgets: Budgets,
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
        let charged = Self::charge(app, caller, Asked::Who(who), proof).await?;
        Ok(charged.map(|(charge, _)| charge))
    }

    /// Looks a name up and charges a password of whomever it names, in one
    /// transaction; answers the password too, where there is one. `None` where the
    /// account is locked.
    pub async fn take_named(
        app: &Identity,
        caller: &Caller,
        name: &Name<'_>,
    ) -> Result<Option<(Charge, Option<Password>)>, Error> {
        Self::charge(app, caller, Asked::Name(name), LoginProof::Password).await
    }

    async fn charge(
        app: &Identity,
        caller: &Caller,
        asked: Asked<'_>,
        proof: LoginProof,
    ) -> Result<Option<(Charge, Option<Password>)>, Error> {
        let give_up = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        let gate = app.gates.enter(asked.gate(app));
        let through = tokio::time::timeout_at(give_up, gate).await;
        let through = through.unwrap_or_else(|_| Err(crowded()))?;
        // More than once only where other replicas check answers of this user
        // too, or few are left of the budget.
        loop {
            let since = app.store.clock().now();
            let (mut tx, budgets, password) = asked.open(app, caller).await?;
            match budgets.charge(&mut tx).await? {
                Charged::All => {
                    let charge = Charge {
                        store: app.store.clone(),
                        tasks: app.tasks.clone(),
                        caller: caller.clone(),
                        budgets,
                        proof,
                        since,
                        settled: Arc::default(),
                        _through: through,
                    };
                    // Made before the commit, so that no cancellation loses it.
                    tx.done().await?;
                    return Ok(Some((charge, password)));
                }
                Charged::Locked => return Ok(None),
                Charged::Refused(wait) => return Err(refused(wait)),
                Charged::Crowded => drop(tx),
            }
            if Instant::now() >= give_up {
                return Err(crowded());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whose answer it is.
    pub fn who(&self) -> Who {
        self.budgets.who
    }

    /// The answer was right: gives the charge back, in the transaction of what
    /// follows from the answer, which holds the lock on the user. It counts as
    /// wrong unless that is committed.
    pub async fn pass(&self, tx: &mut Tx) -> Result<(), Error> {
        if self.is_late() {
            return Err(crowded());
        }
        if self.give_back(tx).await? {
            // Locked since the answer was charged.
            return Err(ErrorReason::CredentialsWrong.because("the account cannot log in now"));
        }
        Ok(())
    }

    /// Whether an admin has locked the account.
    async fn give_back(&self, tx: &mut Tx) -> Result<bool, Error> {
        // What is late the lease gives back; the place may be another's.
        let barred = !self.is_late() && self.budgets.refund(tx).await?;
        let settled = self.settled.clone();
        tx.after_commit(move || settled.store(true, SeqCst));
        Ok(barred)
    }

    /// The answer was never checked: gives the charge back.
    pub async fn refund(self) -> Result<(), Error> {
        let mut tx = self
            .store
            .tenant(self.budgets.who.tenant(), &self.caller)
            .await?;
        self.give_back(&mut tx).await?;
        tx.done().await
    }

    /// The answer was wrong.
    pub async fn fail(self) -> Result<(), Error> {
        let settled = self.settled.clone();
        fail(
            &self.store,
            &self.caller,
            &self.budgets,
            self.proof,
            settled,
        )
        .await?;
        if self.is_late() {
            return Err(crowded());
        }
        Ok(())
    }

    fn is_late(&self) -> bool {
        self.store.clock().now() - self.since >= TOLD
    }
}

/// Whose answer is to be charged.
enum Asked<'a> {
    Who(Who),
    Name(&'a Name<'a>),
}

impl Asked<'_> {
    /// Which gate the answer goes through.
    fn gate(&self, app: &Identity) -> Uuid {
        match self {
            Asked::Who(who) => who.account(),
            Asked::Name(name) => name.gate(app.store.keys()),
        }
    }

    /// Begins the transaction of the charge, with the budgets as they are now.
    async fn open(
        &self,
        app: &Identity,
        caller: &Caller,
    ) -> Result<(Tx, Budgets, Option<Password>), Error> {
        let keys = app.store.keys();
        match self {
            Asked::Who(who) => {
                let mut tx = app.store.tenant(who.tenant(), caller).await?;
                let terms = db::policies::lockout(&mut tx, who.tenant())
                    .await?
                    .ok_or_else(tenants::not_found)?;
                Ok((tx, Budgets::of(keys, caller, *who, &terms), None))
            }
            Asked::Name(name) => {
                let mut tx = app.store.worker().await?;
                let named = names::find(app, &mut tx, name).await?;
                let budgets = Budgets::of(keys, caller, named.who, &named.lockout);
                Ok((tx, budgets, named.password))
            }
        }
    }
}

fn crowded() -> Error {
    ErrorReason::TooManyLogins
        .because("too many logins of one user at the same time")
        .retry_after(Duration::from_secs(1))
}

fn refused(wait: Duration) -> Error {
    ErrorReason::TooManyWrongAnswers
        .because("too many wrong answers came from this network address; try again later")
        .retry_after(wait)
}

async fn fail(
    store: &Store,
    caller: &Caller,
    budgets: &Budgets,
    proof: LoginProof,
    settled: Arc<AtomicBool>,
) -> Result<(), Error> {
    let mut tx = store.tenant(budgets.who.tenant(), caller).await?;
    budgets.fail(&mut tx, proof).await?;
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
        let (budgets, proof) = (self.budgets.clone(), self.proof);
        self.tasks
            .spawn("settle an answer whose caller went away", async move {
                if let Err(error) = fail(&store, &caller, &budgets, proof, settled).await {
                    // It stays charged until its lease ends.
                    tracing::warn!(%error, "an answer stays charged");
                }
            });
    }
}

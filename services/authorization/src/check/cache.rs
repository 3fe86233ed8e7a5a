//! What this replica remembers, so that a warm check asks nobody.
//!
//! The cache holds, per tenant, a [`Structure`], and per user a [`Subject`],
//! each with the revision at which it was read. A piece holds from that
//! revision to the first later one that touched it. Every change of a tenant is
//! one event with the next revision, and [`Cache::hear`] is told all of them,
//! in any order, by the commits of this replica and by `feed::tail` for the
//! rest; it drops what they touched. `known` is the revision up to which it was
//! told every one: up to there, whatever is still cached holds. A decision is
//! made on two pieces that hold at one common revision, or not here.
//!
//! So a lost or late event never makes a check with a revision wrong: `known`
//! stops before the gap, and the check goes to Postgres (B-31). A check without
//! one is at most a second old, because the cache is not asked at all while
//! `feed::tail` has not looked for longer (B-32). Reading something cached does
//! not make it live longer.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed},
};

use arc_swap::ArcSwap;
use contract::identity::{Tenant, User};
use feed::Freshness;
use rpc::Id;

use super::cell::Cell;
use super::state::{Grant, Structure, Subject, View};
use crate::revisions::{Revision, Touched};

/// The most tenants whose roles and projects are kept.
const TENANTS: usize = 20_000;
/// How many revisions may have been heard beyond a gap before the tenant is
/// forgotten and read anew. More than one transaction ever makes.
const BEYOND_GAP: usize = 2_000;
/// About what an entry costs without its grants: itself, its key, its slot.
const ENTRY_BYTES: u64 = 200;

type Key = (Id<Tenant>, Id<User>);

/// See the module.
pub struct Cache {
    tenants: quick_cache::sync::Cache<Id<Tenant>, Arc<Cell>>,
    subjects: quick_cache::sync::Cache<Key, Arc<Subject>, Bytes>,
    cells: AtomicU64,
    freshness: ArcSwap<Freshness>,
}

#[derive(Clone)]
struct Bytes;

impl quick_cache::Weighter<Key, Arc<Subject>> for Bytes {
    fn weight(&self, _: &Key, subject: &Arc<Subject>) -> u64 {
        ENTRY_BYTES + std::mem::size_of_val::<[Grant]>(&subject.grants) as u64
    }
}

impl Cache {
    /// A cache of at most about so many bytes. It answers nothing until
    /// [`Cache::follow`] was called and its freshness holds.
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / (2 * ENTRY_BYTES)).unwrap_or(usize::MAX);
        Self {
            tenants: quick_cache::sync::Cache::new(TENANTS),
            subjects: quick_cache::sync::Cache::with_weighter(items, bytes, Bytes),
            cells: AtomicU64::new(1),
            freshness: ArcSwap::from_pointee(Freshness::new()),
        }
    }

    /// Forgets all, because what happened until the next `feed::tail` begins
    /// may go unheard; answers the freshness for it.
    pub fn follow(&self) -> Freshness {
        let freshness = Freshness::new();
        self.freshness.store(Arc::new(freshness.clone()));
        self.tenants.clear();
        self.subjects.clear();
        freshness
    }

    /// Whether events are being heard, so that what is read may be kept.
    pub fn is_fresh(&self) -> bool {
        self.freshness.load().is_fresh()
    }

    /// Decides from memory; `None` where Postgres must be asked.
    pub fn ask<T>(
        &self,
        tenant: Id<Tenant>,
        user: Id<User>,
        at_least: Revision,
        question: impl FnOnce(View<'_>) -> T,
    ) -> Option<(T, Revision)> {
        if self.is_fresh() {
            self.decide(tenant, user, at_least, question)
        } else {
            None
        }
    }

    fn decide<T>(
        &self,
        tenant: Id<Tenant>,
        user: Id<User>,
        at_least: Revision,
        question: impl FnOnce(View<'_>) -> T,
    ) -> Option<(T, Revision)> {
        let cell = self.tenants.get(&tenant)?;
        // Before the pieces: what `known` has passed is dropped already, so
        // whatever is found after this holds at `known`.
        let known = cell.known.load(Acquire);
        let structure = cell.structure.load();
        let structure = structure.as_deref()?;
        let subject = self
            .subjects
            .get(&(tenant, user))
            .filter(|subject| subject.cell == cell.id)?;
        let revision =
            common(known, structure, &subject).filter(|revision| *revision >= at_least)?;
        Some((
            question(View {
                structure,
                subject: &subject,
            }),
            revision,
        ))
    }

    /// The cell of a tenant. Whatever is read of the tenant must be read after
    /// this, so that no event between goes unheard.
    pub fn cell(&self, tenant: Id<Tenant>) -> Arc<Cell> {
        let fresh = || Arc::new(Cell::new(self.cells.fetch_add(1, Relaxed), tenant));
        let made = self
            .tenants
            .get_or_insert_with(&tenant, || Ok::<_, std::convert::Infallible>(fresh()));
        match made {
            Ok(cell) => cell,
            Err(never) => match never {},
        }
    }

    /// Keeps what was read of users, except where a newer change has been heard
    /// since: the piece would be stale for ever.
    pub fn keep(
        &self,
        cell: &Cell,
        read: Vec<(Id<User>, Subject)>,
    ) -> Vec<(Id<User>, Arc<Subject>)> {
        let heard = cell.heard();
        let known = cell.known.load(Relaxed);
        read.into_iter()
            .map(|(user, mut subject)| {
                subject.cell = cell.id;
                let subject = Arc::new(subject);
                if known > 0 && heard.newest <= subject.at {
                    self.subjects.insert((cell.tenant, user), subject.clone());
                }
                (user, subject)
            })
            .collect()
    }

    /// Takes note of a change: what it touched is no longer what it was. Safe
    /// to repeat.
    pub fn hear(&self, tenant: Id<Tenant>, revision: Revision, touched: Touched) {
        let Some(cell) = self.tenants.peek(&tenant) else {
            return;
        };
        let mut heard = cell.heard();
        heard.newest = heard.newest.max(revision);
        match touched {
            Touched::User(user) => {
                let key = (tenant, user);
                if self
                    .subjects
                    .peek(&key)
                    .is_some_and(|subject| subject.at < revision)
                {
                    self.subjects.remove(&key);
                }
            }
            Touched::Structure => {
                cell.touch_structure(&mut heard, revision);
            }
        }
        // Last: see `ask`.
        cell.advance(&mut heard, revision);
        if heard.beyond.len() > BEYOND_GAP {
            drop(heard);
            self.tenants.remove(&tenant);
        }
    }
}

/// The newest revision at which both pieces are known to hold.
pub fn common(known: Revision, structure: &Structure, subject: &Subject) -> Option<Revision> {
    let newest = structure.at.max(subject.at);
    if known >= newest {
        return Some(known);
    }
    let structure_holds = structure.at == newest || subject.structure_at <= structure.at;
    (subject.at == newest && structure_holds).then_some(newest)
}

#[cfg(test)]
mod tests;

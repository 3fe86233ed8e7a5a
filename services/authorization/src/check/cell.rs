//! What the cache remembers of one tenant; see `cache.rs`.

use std::collections::BTreeSet;
use std::sync::atomic::{
    AtomicI64,
    Ordering::{Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use contract::identity::Tenant;
use rpc::Id;

use super::state::Structure;
use crate::revisions::Revision;

/// What is remembered of a tenant. An evicted cell hears nothing any more, so
/// what its id is written on is worth nothing any more.
pub struct Cell {
    /// Written on what is cached under it.
    pub id: u64,
    /// Whose it is.
    pub tenant: Id<Tenant>,
    /// Every event up to here was heard. 0 until something was read.
    pub(super) known: AtomicI64,
    pub(super) structure: ArcSwapOption<Structure>,
    heard: Mutex<Heard>,
    /// Held while the structure is read, so that it is read once.
    pub reading: tokio::sync::Mutex<()>,
}

/// What was heard of a tenant.
#[derive(Default)]
pub(super) struct Heard {
    /// The newest revision, gap or no gap before it.
    pub newest: Revision,
    /// The newest one that touched the structure.
    pub structure: Revision,
    /// Those beyond `known + 1`.
    pub beyond: BTreeSet<Revision>,
}

impl Cell {
    /// One that has heard nothing.
    pub fn new(id: u64, tenant: Id<Tenant>) -> Self {
        Self {
            id,
            tenant,
            known: AtomicI64::new(0),
            structure: ArcSwapOption::empty(),
            heard: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// The structure, where it is remembered.
    pub fn structure(&self) -> Option<Arc<Structure>> {
        self.structure.load_full()
    }

    /// Keeps the structure, except where a newer change of it has been heard
    /// since. The first one says where `known` begins: everything up to it is
    /// in it, and nothing older is cached.
    pub fn keep(&self, structure: Structure) -> Arc<Structure> {
        let structure = Arc::new(structure);
        let mut heard = self.heard();
        if self.known.load(Relaxed) == 0 {
            heard.beyond.retain(|revision| *revision > structure.at);
            // What was read of a user before this must not be kept after it.
            heard.newest = heard.newest.max(structure.at);
            self.known.store(structure.at, Release);
            self.advance(&mut heard, structure.at);
        }
        let newer = self
            .structure
            .load()
            .as_ref()
            .is_none_or(|kept| kept.at < structure.at);
        if newer && heard.structure <= structure.at {
            self.structure.store(Some(structure.clone()));
        }
        structure
    }

    /// Drops a structure that was found to be older than the last change.
    pub fn outdated(&self, since: Revision) {
        self.touch_structure(&mut self.heard(), since);
    }

    /// Takes note of a change of the structure.
    pub(super) fn touch_structure(&self, heard: &mut Heard, since: Revision) {
        heard.structure = heard.structure.max(since);
        if self
            .structure
            .load()
            .as_ref()
            .is_some_and(|structure| structure.at < since)
        {
            self.structure.store(None);
        }
    }

    /// Moves `known` over everything that was heard without a gap.
    pub(super) fn advance(&self, heard: &mut Heard, revision: Revision) {
        let mut known = self.known.load(Relaxed);
        if revision > known {
            heard.beyond.insert(revision);
        }
        while known > 0 && heard.beyond.remove(&(known + 1)) {
            known += 1;
        }
        self.known.store(known, Release);
    }

    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

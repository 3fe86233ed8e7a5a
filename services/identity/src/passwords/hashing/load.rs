//! How much there is to hash, and the right to have more hashed.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry::metrics::Counter;
use rpc::Error;

use super::{lock, too_many};

/// How much there is to do.
pub(super) struct Load {
    /// Hashes of ours that places were taken for.
    pub(super) own: Measure,
    /// Hashes of other systems that are to be checked.
    pub(super) foreign: Measure,
    /// How many of the places each tenant has, by name and by id.
    pub(super) of_tenants: Mutex<HashMap<String, usize>>,
    pub(super) done: Counter<u64>,
}

/// How many hashes are to be made, and what one takes.
pub(super) struct Measure {
    pub(super) waiting: AtomicUsize,
    /// The running mean, in microseconds.
    pub(super) mean: AtomicU64,
}

impl Measure {
    pub(super) fn new(first_guess: u64) -> Measure {
        Measure {
            waiting: AtomicUsize::new(0),
            mean: AtomicU64::new(first_guess),
        }
    }

    /// How long whoever comes after so many waits until `threads` have made
    /// `hashes` more. Not at all where a thread is free: what was measured when
    /// the machine stood still says nothing then, and nothing else would ever
    /// measure again.
    pub(super) fn wait(&self, before: usize, hashes: usize, threads: usize) -> Duration {
        if before < threads {
            return Duration::ZERO;
        }
        let rounds = u64::try_from((before + hashes - 1) / threads + 1).unwrap_or(u64::MAX);
        Duration::from_micros(self.mean.load(Relaxed).saturating_mul(rounds))
    }

    pub(super) fn took(&self, time: Duration) {
        let took = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mean = self.mean.load(Relaxed);
        self.mean
            .store(mean.saturating_mul(15).saturating_add(took) / 16, Relaxed);
    }
}

/// The right to have so many passwords hashed soon. Taken before anything that
/// costs something else.
pub struct Place {
    pub(super) load: Arc<Load>,
    pub(super) hashes: usize,
    /// The most places that a tenant has.
    pub(super) share: usize,
    pub(super) tenants: Mutex<Vec<String>>,
}

impl Place {
    /// Counts it as one of this tenant's; refuses with `TOO_MANY_LOGINS` where
    /// those have half of all places. So who hammers at the logins of one tenant
    /// leaves room for the others. A tenant is counted by what a caller names it
    /// by, before anybody is asked about it, and by its id once that is known:
    /// names of no tenant all are those of one.
    pub fn of(&self, tenant: &impl ToString) -> Result<(), Error> {
        let tenant = tenant.to_string();
        let mut mine = lock(&self.tenants);
        if mine.contains(&tenant) {
            return Ok(());
        }
        let mut tenants = lock(&self.load.of_tenants);
        let held = tenants.get(&tenant).copied().unwrap_or_default();
        if held >= self.share {
            return Err(too_many(Duration::ZERO));
        }
        tenants.insert(tenant.clone(), held + 1);
        mine.push(tenant);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.own.waiting.fetch_sub(self.hashes, Relaxed);
        let mut tenants = lock(&self.load.of_tenants);
        for tenant in lock(&self.tenants).drain(..) {
            if let Entry::Occupied(mut held) = tenants.entry(tenant) {
                *held.get_mut() -= 1;
                if *held.get() == 0 {
                    held.remove();
                }
            }
        }
    }
}

/// One more check of a hash of another system, until it is dropped. Its place is
/// not counted meanwhile: it waits for nothing that ours wait for.
pub(super) struct Foreigner<'a>(pub(super) &'a Place);

impl Drop for Foreigner<'_> {
    fn drop(&mut self) {
        let load = &self.0.load;
        load.foreign.waiting.fetch_sub(1, Relaxed);
        load.own.waiting.fetch_add(self.0.hashes, Relaxed);
    }
}

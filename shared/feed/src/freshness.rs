//! Whether what this process has cached can be trusted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// The oldest that the last look at the events may be.
const LIMIT: Duration = Duration::from_secs(1);

/// Says whether [`tail`](crate::tail) has heard everything up to a second ago.
/// While it has not, as while Postgres is away, a cache that is invalidated by
/// events must not be asked: a revocation may have been missed.
#[derive(Clone, Debug)]
pub struct Freshness {
    origin: Instant,
    /// Microseconds after `origin`, plus one, of the start of the last look
    /// that succeeded; 0 for none yet.
    looked: Arc<AtomicU64>,
}

impl Freshness {
    /// Not fresh until [`tail`](crate::tail) has looked for the first time.
    #[must_use]
    pub fn new() -> Freshness {
        Freshness {
            origin: Instant::now(),
            looked: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Whether every event that was committed more than a second ago has been
    /// heard.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        match self.looked.load(Relaxed) {
            0 => false,
            looked => self.micros(Instant::now()).saturating_sub(looked - 1) <= micros_of(LIMIT),
        }
    }

    /// `since` is when the look began: what was committed later it may not
    /// have seen.
    pub(crate) fn looked(&self, since: Instant) {
        self.looked.store(self.micros(since) + 1, Relaxed);
    }

    fn micros(&self, at: Instant) -> u64 {
        micros_of(at.saturating_duration_since(self.origin))
    }
}

impl Default for Freshness {
    fn default() -> Freshness {
        Freshness::new()
    }
}

fn micros_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

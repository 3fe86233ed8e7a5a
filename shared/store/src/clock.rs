//! The time, as an argument.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. A service asks its clock and never the system, so that a
/// test can let a week pass. The offset travels into every transaction, where
/// SQL's `clock()` adds it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Clock {
        Clock::default()
    }

    /// A clock that the handle moves, and everybody who holds a clone of it.
    #[must_use]
    pub fn moved() -> (Clock, ClockHandle) {
        let offset = Arc::new(AtomicI64::new(0));
        (
            Clock {
                offset: Some(offset.clone()),
            },
            ClockHandle { offset },
        )
    }

    /// The time now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that asks the machine"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::microseconds(self.offset_micros())
    }

    /// How far this clock is ahead of the machine's, in microseconds.
    pub(crate) fn offset_micros(&self) -> i64 {
        self.offset.as_ref().map_or(0, |offset| offset.load(SeqCst))
    }
}

/// Moves the clock it came with.
#[derive(Clone, Debug)]
pub struct ClockHandle {
    offset: Arc<AtomicI64>,
}

impl ClockHandle {
    /// Lets time pass at once.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.offset.fetch_add(micros, SeqCst);
    }
}

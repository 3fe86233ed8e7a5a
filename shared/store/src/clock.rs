//! The time, as an argument.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// Tells the time, which is that of Postgres: replicas whose machines disagree
/// agree on when something ends (B-77). A service asks its clock and never the
/// system, so that a test can let a week pass. That offset travels into every
/// transaction, where SQL's `clock()` adds it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// How far Postgres's clock is ahead of the machine's, in microseconds.
    ahead: Arc<AtomicI64>,
    moved: Option<Arc<Moved>>,
}

/// In microseconds.
#[derive(Debug, Default)]
struct Moved {
    /// What a test let pass.
    offset: AtomicI64,
    /// How far the machine's clock is ahead of a right one.
    wrong: AtomicI64,
}

impl Clock {
    /// The clock of the machine, until Postgres says better.
    #[must_use]
    pub fn system() -> Clock {
        Clock::default()
    }

    /// A clock that the handle moves, and everybody who holds a clone of it.
    #[must_use]
    pub fn moved() -> (Clock, ClockHandle) {
        let moved = Arc::<Moved>::default();
        let clock = Clock {
            moved: Some(moved.clone()),
            ..Clock::default()
        };
        (clock, ClockHandle { moved })
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = self.ahead.load(SeqCst) + self.offset_micros();
        self.machine() + TimeDelta::microseconds(ahead)
    }

    /// A moment for measuring how long something takes or lasts in this process.
    /// It never goes back, whatever the machine's clock is set to, and a test lets
    /// it pass as it does the time.
    #[must_use]
    pub fn instant(&self) -> Instant {
        let passed = u64::try_from(self.offset_micros()).unwrap_or_default();
        Instant::now() + Duration::from_micros(passed)
    }

    /// What the machine says.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place that asks the machine"
    )]
    pub(crate) fn machine(&self) -> DateTime<Utc> {
        let wrong = self
            .moved
            .as_ref()
            .map_or(0, |moved| moved.wrong.load(SeqCst));
        Utc::now() + TimeDelta::microseconds(wrong)
    }

    /// Sets the clock by what Postgres told after the machine's time `asked`. What
    /// the way there and back can explain changes nothing, so that time does not
    /// jump to and fro.
    pub(crate) fn set_by(&self, told: DateTime<Utc>, asked: DateTime<Utc>) {
        let way = self.machine() - asked;
        let ahead = (told - asked - way / 2).num_microseconds();
        let (Some(ahead), Some(way)) = (ahead, way.num_microseconds()) else {
            return;
        };
        if (ahead - self.ahead.load(SeqCst)).abs() > way {
            self.ahead.store(ahead, SeqCst);
        }
    }

    /// How far SQL's clock is moved, in microseconds.
    pub(crate) fn offset_micros(&self) -> i64 {
        self.moved
            .as_ref()
            .map_or(0, |moved| moved.offset.load(SeqCst))
    }
}

/// Moves the clock it came with.
#[derive(Clone, Debug)]
pub struct ClockHandle {
    moved: Arc<Moved>,
}

impl ClockHandle {
    /// Lets time pass at once.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.moved.offset.fetch_add(micros, SeqCst);
    }

    /// Sets the machine's clock so far ahead of Postgres's, or behind it.
    pub fn skew(&self, ahead: TimeDelta) {
        let micros = ahead.num_microseconds().unwrap_or_default();
        self.moved.wrong.store(micros, SeqCst);
    }
}

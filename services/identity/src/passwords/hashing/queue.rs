//! Who is hashed for next.
//!
//! Hashes of ours go in the order in which they came. A check of a hash that
//! another system made may take a hundred times as long, and how long is for
//! whoever brought the hash to say: so these wait apart, take half of the
//! threads at most, and where ours wait too leave them as much time as they took.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{jobs::Job, lock};

/// More jobs than can ever wait: places are refused long before.
const MOST: usize = 4096;

/// What waits for the threads.
pub(super) struct Queue {
    jobs: Mutex<Jobs>,
    more: Condvar,
    most_foreign: usize,
}

struct Jobs {
    own: VecDeque<Job>,
    foreign: VecDeque<Job>,
    /// How many checks of other systems' hashes are under way.
    foreign_running: usize,
    /// Until when they leave the threads to ours.
    rest: Instant,
    closed: bool,
}

/// What a thread does next.
pub(super) enum Next {
    /// This.
    Job(Job),
    /// Nothing, for a while now.
    Idle,
    /// Nothing any more.
    Closed,
}

/// How many threads check hashes of other systems at the same time.
pub(super) fn most_foreign(threads: usize) -> usize {
    (threads / 2).max(1)
}

impl Queue {
    pub(super) fn new(threads: usize) -> Queue {
        Queue {
            jobs: Mutex::new(Jobs {
                own: VecDeque::new(),
                foreign: VecDeque::new(),
                foreign_running: 0,
                rest: Instant::now(),
                closed: false,
            }),
            more: Condvar::new(),
            most_foreign: most_foreign(threads),
        }
    }

    /// Adds a job. False where there are too many.
    pub(super) fn put(&self, job: Job) -> bool {
        let mut jobs = lock(&self.jobs);
        let queue = if job.work.is_foreign() {
            &mut jobs.foreign
        } else {
            &mut jobs.own
        };
        if queue.len() >= MOST {
            return false;
        }
        queue.push_back(job);
        self.more.notify_one();
        true
    }

    /// Waits for the next job, no longer than `idle`.
    pub(super) fn next(&self, idle: Duration) -> Next {
        let mut jobs = lock(&self.jobs);
        loop {
            if let Some(job) = jobs.take(self.most_foreign) {
                return Next::Job(job);
            }
            if jobs.closed {
                return Next::Closed;
            }
            let (woken, timeout) = self
                .more
                .wait_timeout(jobs, idle)
                .unwrap_or_else(PoisonError::into_inner);
            jobs = woken;
            if timeout.timed_out() {
                return match jobs.take(self.most_foreign) {
                    Some(job) => Next::Job(job),
                    None => Next::Idle,
                };
            }
        }
    }

    /// A check of another system's hash is over, and took so long.
    pub(super) fn ended(&self, took: Duration) {
        let mut jobs = lock(&self.jobs);
        jobs.foreign_running -= 1;
        jobs.rest = Instant::now() + took;
        self.more.notify_one();
    }

    /// Lets the threads go once nothing waits.
    pub(super) fn close(&self) {
        lock(&self.jobs).closed = true;
        self.more.notify_all();
    }
}

impl Jobs {
    fn take(&mut self, most_foreign: usize) -> Option<Job> {
        let free = self.foreign_running < most_foreign;
        if free
            && (self.own.is_empty() || self.rest <= Instant::now())
            && let Some(job) = self.foreign.pop_front()
        {
            self.foreign_running += 1;
            return Some(job);
        }
        self.own.pop_front()
    }
}

//! What the threads do.

use std::time::Duration;

use opentelemetry::KeyValue;
use rpc::Error;
use store::Keys;
use tokio::{sync::oneshot, time::Instant};
use zeroize::Zeroizing;

use super::{
    super::{
        foreign::Foreign,
        kept::{self, Kept, Memory},
        rules::Terms,
    },
    load::Load,
    queue::{Next, Queue},
};

/// How far the threads give way, in steps of nice(2): a tenth of the share of
/// a thread that answers calls, so that logins go on under any load.
const NICENESS: i32 = 10;

/// After how long without work a thread gives its memory back.
const IDLE: Duration = Duration::from_secs(30);

pub(super) struct Job {
    /// As it was typed, in Unicode NFC.
    pub(super) password: Zeroizing<String>,
    pub(super) keys: Keys,
    pub(super) work: Work,
    pub(super) deadline: Option<Instant>,
    pub(super) reply: oneshot::Sender<Result<Done, Error>>,
}

pub(super) enum Work {
    /// Hash under this version of the key, where the rules allow it. All of it in
    /// one go: in two, everybody's first half would come before anybody's second,
    /// and under load nobody would come to an end.
    Hash {
        key_version: i16,
        rules: Option<Rules>,
    },
    /// Compare with this hash; a decoy is compared with and never equal.
    Verify { kept: Kept, decoy: bool },
}

/// What a password must be, and which it must not be.
pub(super) struct Rules {
    pub(super) terms: Terms,
    pub(super) taken: Vec<Kept>,
}

pub(super) enum Done {
    Hash(Kept),
    Verified(bool),
}

/// The life of a thread: until the [`Hashing`](super::Hashing) is dropped.
pub(super) fn work(queue: &Queue, load: &Load) {
    // Linux counts it for the thread alone; elsewhere it would be the process.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(NICENESS)
    {
        tracing::warn!(%error, "passwords are hashed at the priority of all else");
    }
    let mut memory = kept::memory();
    loop {
        let job = match queue.next(IDLE) {
            Next::Job(job) => job,
            Next::Idle => {
                memory = kept::memory();
                continue;
            }
            Next::Closed => return,
        };
        let (foreign, began) = (job.work.is_foreign(), Instant::now());
        // No work for a caller who has gone (B-71).
        if !job.reply.is_closed() && job.deadline.is_none_or(|deadline| deadline > began) {
            let result = perform(&mut memory, &job);
            // What was refused on the way says nothing about what a hash takes.
            match &result {
                Ok(_) if foreign => load.foreign.took(began.elapsed()),
                Ok(_) => load.own.took(began.elapsed() / job.work.hashes()),
                Err(_) => {}
            }
            load.done.add(1, &[KeyValue::new("kind", job.work.kind())]);
            let _ = job.reply.send(result);
        }
        if foreign {
            queue.ended(began.elapsed());
        }
    }
}

impl Work {
    /// Whether it is a check of a hash that another system made.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self, Work::Verify { kept, .. } if kept.is_foreign())
    }

    /// How many hashes it takes.
    fn hashes(&self) -> u32 {
        match self {
            Work::Hash {
                rules: Some(rules), ..
            } => u32::try_from(rules.taken.len() + 1).unwrap_or(u32::MAX),
            _ => 1,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Work::Hash { .. } => "set",
            Work::Verify { decoy: false, .. } => "verified",
            Work::Verify { decoy: true, .. } => "decoy",
        }
    }
}

fn perform(memory: &mut Memory, job: &Job) -> Result<Done, Error> {
    match &job.work {
        Work::Hash { key_version, rules } => {
            if let Some(Rules { terms, taken }) = rules {
                terms.check(&job.password)?;
                for kept in taken {
                    if kept::same(memory, &job.keys, &job.password, kept)? {
                        return Err(terms.taken());
                    }
                }
            }
            let kept = kept::hash(memory, &job.keys, *key_version, &job.password)?;
            Ok(Done::Hash(kept))
        }
        Work::Verify { kept, .. } if kept.is_foreign() => {
            let foreign: Foreign = kept.hash.parse().map_err(Error::fault)?;
            Ok(Done::Verified(foreign.same(&job.password)?))
        }
        Work::Verify { kept, decoy } => {
            let same = kept::same(memory, &job.keys, &job.password, kept)?;
            Ok(Done::Verified(same && !decoy))
        }
    }
}

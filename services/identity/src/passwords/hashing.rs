//! Hashing on threads of its own, behind a queue that refuses early.
//!
//! A hash takes some 17 ms of a core and 19 MiB. Hashing where calls are
//! answered would stop everything else, and hashing on a pool that grows would
//! take all memory (decision 10 of the security design); so there are a few
//! threads, each with memory that it keeps while there is work, and a caller who
//! would have to wait longer than they can is told so at once. The threads may
//! fill every core, because they run at a low priority: whoever answers calls
//! comes first.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use argon2::Block;
use contract::identity::ErrorReason;
use opentelemetry::{KeyValue, metrics::Counter};
use rpc::{Because as _, Error};
use store::Keys;
use tokio::{sync::oneshot, time::Instant};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::{
    foreign::Foreign,
    kept::{self, FOREIGN, Kept},
    rules::Terms,
};

/// More callers than can ever wait: [`Hashing::place`] refuses long before.
const QUEUE: usize = 4096;

/// How far the threads give way, in steps of nice(2): a tenth of the share of
/// a thread that answers calls, so that logins go on under any load.
const NICENESS: i32 = 10;

/// After how long without work a thread gives its memory back.
const IDLE: Duration = Duration::from_secs(30);

/// What a hash takes before the first was measured, in microseconds.
const FIRST_GUESS: u64 = 20_000;

/// The threads that hash passwords.
pub struct Hashing {
    keys: Keys,
    key_version: i16,
    jobs: SyncSender<Job>,
    load: Arc<Load>,
    /// What passwords of nobody are checked against.
    decoy: Kept,
    threads: usize,
    patience: Duration,
}

/// How much there is to do.
struct Load {
    /// Callers with a place.
    waiting: AtomicUsize,
    /// The running mean of a hash, in microseconds.
    mean: AtomicU64,
    done: Counter<u64>,
}

/// The right to have a password hashed soon. Taken before anything that costs
/// something else.
pub struct Place {
    load: Arc<Load>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.waiting.fetch_sub(1, Relaxed);
    }
}

struct Job {
    /// As it was typed, in Unicode NFC.
    password: Zeroizing<String>,
    keys: Keys,
    work: Work,
    deadline: Option<Instant>,
    reply: oneshot::Sender<Result<Done, Error>>,
}

enum Work {
    /// Hash under this version of the key, where the terms allow it.
    Hash {
        key_version: i16,
        terms: Option<Terms>,
    },
    /// Compare with this hash; a decoy is compared with and never equal.
    Verify { kept: Kept, decoy: bool },
}

enum Done {
    Hash(Kept),
    Verified(bool),
}

impl Hashing {
    /// Starts the threads. A caller who would wait longer than `patience` is
    /// refused. New hashes are made under the key of `key_version`.
    pub fn start(
        threads: usize,
        patience: Duration,
        keys: Keys,
        key_version: i16,
    ) -> Result<Hashing, Error> {
        let (jobs, queue) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let done = opentelemetry::global::meter("usher")
            .u64_counter("usher_identity_password_hashes")
            .with_description("Passwords hashed: set, verified, or checked against a decoy")
            .build();
        let load = Arc::new(Load {
            waiting: AtomicUsize::new(0),
            mean: AtomicU64::new(FIRST_GUESS),
            done,
        });
        for number in 0..threads {
            let (queue, load) = (queue.clone(), load.clone());
            std::thread::Builder::new()
                .name(format!("argon2-{number}"))
                .spawn(move || work(&queue, &load))?;
        }
        let mut memory = Vec::new();
        let decoy = kept::hash(&mut memory, &keys, key_version, &Keys::token())?;
        Ok(Hashing {
            keys,
            key_version,
            jobs,
            load,
            decoy,
            threads,
            patience,
        })
    }

    /// Takes a place in the queue, or refuses with `TOO_MANY_LOGINS` where the
    /// wait would be too long, for us or for the caller's deadline.
    pub fn place(&self) -> Result<Place, Error> {
        let before = self.load.waiting.fetch_add(1, Relaxed);
        let place = Place {
            load: self.load.clone(),
        };
        let rounds = u64::try_from(before / self.threads + 1).unwrap_or(u64::MAX);
        let wait = Duration::from_micros(self.load.mean.load(Relaxed).saturating_mul(rounds));
        let remaining =
            rpc::deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let patience = remaining.map_or(self.patience, |remaining| remaining.min(self.patience));
        if wait > patience {
            return Err(too_many(wait));
        }
        Ok(place)
    }

    /// Hashes a password that somebody chose, or refuses it with
    /// `PASSWORD_REFUSED` where the terms do not allow it.
    pub async fn hash(&self, place: &Place, password: &str, terms: Terms) -> Result<Kept, Error> {
        self.make(place, password, Some(terms)).await
    }

    /// Hashes a password that nobody chose now: it was generated, or was just
    /// found to be the right one.
    pub async fn hash_as_is(&self, place: &Place, password: &str) -> Result<Kept, Error> {
        self.make(place, password, None).await
    }

    async fn make(
        &self,
        _place: &Place,
        password: &str,
        terms: Option<Terms>,
    ) -> Result<Kept, Error> {
        let work = Work::Hash {
            key_version: self.key_version,
            terms,
        };
        match self.run(password, work).await? {
            Done::Hash(kept) => Ok(kept),
            Done::Verified(_) => Err(Error::fault("a hash was asked for")),
        }
    }

    /// Whether a password is the one behind a hash. Without one it takes as
    /// long, and is not. One that another system made takes as long as it takes
    /// there: whoever measures that learns that the name is known, until its
    /// user has logged in once.
    pub async fn verify(
        &self,
        _place: &Place,
        password: &str,
        kept: Option<&Kept>,
    ) -> Result<bool, Error> {
        let work = Work::Verify {
            kept: kept.unwrap_or(&self.decoy).clone(),
            decoy: kept.is_none(),
        };
        match self.run(password, work).await? {
            Done::Verified(right) => Ok(right),
            Done::Hash(_) => Err(Error::fault("a comparison was asked for")),
        }
    }

    /// Whether a hash is one as they are made now: with these parameters, and
    /// under this version of the key.
    pub fn is_current(&self, kept: &Kept) -> bool {
        kept.key_version == self.key_version && kept::is_current(&kept.hash)
    }

    async fn run(&self, password: &str, work: Work) -> Result<Done, Error> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            // The same password typed on another system may come in another form.
            password: Zeroizing::new(password.nfc().collect()),
            keys: self.keys.clone(),
            work,
            deadline: rpc::deadline(),
            reply,
        };
        self.jobs
            .try_send(job)
            .map_err(|_| too_many(self.patience))?;
        answer.await?
    }
}

fn too_many(wait: Duration) -> Error {
    ErrorReason::TooManyLogins
        .because("as many passwords are being checked as this machine can; try again later")
        .retry_after(wait.max(Duration::from_secs(1)))
}

/// The life of a thread: until the last [`Hashing`] is dropped.
fn work(queue: &Mutex<Receiver<Job>>, load: &Load) {
    // Linux counts it for the thread alone; elsewhere it would be the process.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(NICENESS)
    {
        tracing::warn!(%error, "passwords are hashed at the priority of all else");
    }
    let mut memory = Vec::new();
    loop {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv_timeout(IDLE);
        let job = match next {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                memory = Vec::new();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // No work for a caller who has gone (B-71).
        if job.reply.is_closed()
            || job
                .deadline
                .is_some_and(|deadline| deadline <= Instant::now())
        {
            continue;
        }
        let began = Instant::now();
        let result = perform(&mut memory, &job);
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mean = load.mean.load(Relaxed);
        load.mean
            .store((mean.saturating_mul(15).saturating_add(took)) / 16, Relaxed);
        load.done.add(1, &[KeyValue::new("kind", job.work.kind())]);
        let _ = job.reply.send(result);
    }
}

impl Work {
    fn kind(&self) -> &'static str {
        match self {
            Work::Hash { .. } => "set",
            Work::Verify { decoy: false, .. } => "verified",
            Work::Verify { decoy: true, .. } => "decoy",
        }
    }
}

fn perform(memory: &mut Vec<Block>, job: &Job) -> Result<Done, Error> {
    match &job.work {
        Work::Hash { key_version, terms } => {
            if let Some(terms) = terms {
                terms.check(&job.password)?;
            }
            let kept = kept::hash(memory, &job.keys, *key_version, &job.password)?;
            Ok(Done::Hash(kept))
        }
        Work::Verify { kept, .. } if kept.key_version == FOREIGN => {
            let foreign: Foreign = kept.hash.parse().map_err(Error::fault)?;
            Ok(Done::Verified(foreign.same(&job.password)?))
        }
        Work::Verify { kept, decoy } => {
            let same = kept::same(memory, &job.keys, &job.password, kept)?;
            Ok(Done::Verified(same && !decoy))
        }
    }
}

#[cfg(test)]
mod tests;

//! Hashing on threads of its own, behind a queue that refuses early.
//!
//! A hash takes some 17 ms of a core and 19 MiB. Hashing where calls are
//! answered would stop everything else, and hashing on a pool that grows would
//! take all memory (decision 10 of the security design); so there are a few
//! threads, each with memory that it keeps while there is work, and a caller who
//! would have to wait longer than they can is told so at once. The threads may
//! fill every core, because they run at a low priority: whoever answers calls
//! comes first.
//!
//! Nobody takes it all: a tenant has at most half of the places, and hashes of
//! other systems, each of which may cost a hundred of ours, have a queue and a
//! measure of their own and half of the threads (see [`queue`]).

mod queue;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use argon2::Block;
use contract::{
    Id,
    identity::{ErrorReason, Tenant},
};
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
use queue::{Next, Queue};

/// How far the threads give way, in steps of nice(2): a tenth of the share of
/// a thread that answers calls, so that logins go on under any load.
const NICENESS: i32 = 10;

/// After how long without work a thread gives its memory back.
const IDLE: Duration = Duration::from_secs(30);

/// What a hash takes before the first was measured, in microseconds: one of
/// ours, and one that another system made.
const FIRST_GUESS: u64 = 20_000;
const FIRST_GUESS_FOREIGN: u64 = 250_000;

/// The threads that hash passwords.
pub struct Hashing {
    keys: Keys,
    key_version: i16,
    queue: Arc<Queue>,
    load: Arc<Load>,
    /// What passwords of nobody are checked against.
    decoy: Kept,
    threads: usize,
    patience: Duration,
}

/// How much there is to do.
struct Load {
    /// Hashes of ours that places were taken for.
    own: Measure,
    /// Hashes of other systems that are to be checked.
    foreign: Measure,
    /// How many of the places each tenant has.
    of_tenants: Mutex<HashMap<Id<Tenant>, usize>>,
    done: Counter<u64>,
}

/// How many hashes are to be made, and what one takes.
struct Measure {
    waiting: AtomicUsize,
    /// The running mean, in microseconds.
    mean: AtomicU64,
}

impl Measure {
    fn new(first_guess: u64) -> Measure {
        Measure {
            waiting: AtomicUsize::new(0),
            mean: AtomicU64::new(first_guess),
        }
    }

    /// How long whoever comes after so many waits until `threads` have made
    /// `hashes` more. Not at all where a thread is free: what was measured when
    /// the machine stood still says nothing then, and nothing else would ever
    /// measure again.
    fn wait(&self, before: usize, hashes: usize, threads: usize) -> Duration {
        if before < threads {
            return Duration::ZERO;
        }
        let rounds = u64::try_from((before + hashes - 1) / threads + 1).unwrap_or(u64::MAX);
        Duration::from_micros(self.mean.load(Relaxed).saturating_mul(rounds))
    }

    fn took(&self, time: Duration) {
        let took = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mean = self.mean.load(Relaxed);
        self.mean
            .store(mean.saturating_mul(15).saturating_add(took) / 16, Relaxed);
    }
}

/// The right to have so many passwords hashed soon. Taken before anything that
/// costs something else.
pub struct Place {
    load: Arc<Load>,
    hashes: usize,
    /// The most places that a tenant has.
    share: usize,
    tenant: OnceLock<Id<Tenant>>,
}

impl Place {
    /// Counts it as one of this tenant's, once that is known; refuses with
    /// `TOO_MANY_LOGINS` where those have half of all places. So who hammers at
    /// the logins of one tenant leaves room for the others.
    pub fn of(&self, tenant: Id<Tenant>) -> Result<(), Error> {
        let mut tenants = lock(&self.load.of_tenants);
        let held = tenants.entry(tenant).or_default();
        if *held >= self.share {
            return Err(too_many(Duration::ZERO));
        }
        if self.tenant.set(tenant).is_ok() {
            *held += 1;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.own.waiting.fetch_sub(self.hashes, Relaxed);
        let Some(tenant) = self.tenant.get() else {
            return;
        };
        let mut tenants = lock(&self.load.of_tenants);
        if let Some(held) = tenants.get_mut(tenant) {
            *held -= 1;
            if *held == 0 {
                tenants.remove(tenant);
            }
        }
    }
}

/// One more check of a hash of another system, until it is dropped. Its place is
/// not counted meanwhile: it waits for nothing that ours wait for.
struct Foreigner<'a>(&'a Place);

impl Drop for Foreigner<'_> {
    fn drop(&mut self) {
        let load = &self.0.load;
        load.foreign.waiting.fetch_sub(1, Relaxed);
        load.own.waiting.fetch_add(self.0.hashes, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// See whether the terms allow it.
    Judge { terms: Terms },
}

enum Done {
    Hash(Kept),
    Verified(bool),
    Allowed,
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
        let queue = Arc::new(Queue::new(threads));
        let done = opentelemetry::global::meter("usher")
            .u64_counter("usher_identity_password_hashes")
            .with_description("Passwords hashed: set, verified, or checked against a decoy")
            .build();
        let load = Arc::new(Load {
            own: Measure::new(FIRST_GUESS),
            foreign: Measure::new(FIRST_GUESS_FOREIGN),
            of_tenants: Mutex::default(),
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
            queue,
            load,
            decoy,
            threads,
            patience,
        })
    }

    /// Takes a place in the queue, or refuses with `TOO_MANY_LOGINS` where the
    /// wait would be too long, for us or for the caller's deadline.
    pub fn place(&self) -> Result<Place, Error> {
        self.place_for(1)
    }

    /// The same for so many hashes, one after the other.
    pub fn place_for(&self, hashes: usize) -> Result<Place, Error> {
        let own = &self.load.own;
        let before = own.waiting.fetch_add(hashes, Relaxed);
        let place = Place {
            load: self.load.clone(),
            hashes,
            share: self.share(),
            tenant: OnceLock::new(),
        };
        self.patient(own.wait(before, hashes, self.threads))?;
        Ok(place)
    }

    /// Half of the places that there are now, and one at least.
    fn share(&self) -> usize {
        let mean = u128::from(self.load.own.mean.load(Relaxed).max(1));
        let rounds = usize::try_from(self.patience.as_micros() / mean).unwrap_or(usize::MAX);
        (rounds.saturating_mul(self.threads) / 2).max(self.threads)
    }

    /// The same for a hash that another system made, known as such only now.
    fn foreigner<'a>(&self, place: &'a Place) -> Result<Foreigner<'a>, Error> {
        let foreign = &self.load.foreign;
        let before = foreign.waiting.fetch_add(1, Relaxed);
        self.load.own.waiting.fetch_sub(place.hashes, Relaxed);
        let foreigner = Foreigner(place);
        self.patient(foreign.wait(before, 1, queue::most_foreign(self.threads)))?;
        Ok(foreigner)
    }

    fn patient(&self, wait: Duration) -> Result<(), Error> {
        let remaining =
            rpc::deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let patience = remaining.map_or(self.patience, |remaining| remaining.min(self.patience));
        if wait > patience {
            return Err(too_many(wait));
        }
        Ok(())
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
            Done::Verified(_) | Done::Allowed => Err(Error::fault("a hash was asked for")),
        }
    }

    /// Refuses a password that somebody chose with `PASSWORD_REFUSED` where the
    /// terms do not allow it. It costs less than a hash.
    pub async fn judge(&self, _place: &Place, password: &str, terms: Terms) -> Result<(), Error> {
        self.run(password, Work::Judge { terms }).await?;
        Ok(())
    }

    /// Whether a password is the one behind a hash. Without one it takes as
    /// long, and is not. One that another system made takes as long as it takes
    /// there: whoever measures that learns that the name is known, until its
    /// user has logged in once.
    pub async fn verify(
        &self,
        place: &Place,
        password: &str,
        kept: Option<&Kept>,
    ) -> Result<bool, Error> {
        let foreign = kept.is_some_and(|kept| kept.key_version == FOREIGN);
        let _foreigner = foreign.then(|| self.foreigner(place)).transpose()?;
        let work = Work::Verify {
            kept: kept.unwrap_or(&self.decoy).clone(),
            decoy: kept.is_none(),
        };
        match self.run(password, work).await? {
            Done::Verified(right) => Ok(right),
            Done::Hash(_) | Done::Allowed => Err(Error::fault("a comparison was asked for")),
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
        if !self.queue.put(job) {
            return Err(too_many(self.patience));
        }
        answer.await?
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn too_many(wait: Duration) -> Error {
    ErrorReason::TooManyLogins
        .because("as many passwords are being checked as this machine can; try again later")
        .retry_after(wait.max(Duration::from_secs(1)))
}

/// The life of a thread: until the [`Hashing`] is dropped.
fn work(queue: &Queue, load: &Load) {
    // Linux counts it for the thread alone; elsewhere it would be the process.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(NICENESS)
    {
        tracing::warn!(%error, "passwords are hashed at the priority of all else");
    }
    let mut memory = Vec::new();
    loop {
        let job = match queue.next(IDLE) {
            Next::Job(job) => job,
            Next::Idle => {
                memory = Vec::new();
                continue;
            }
            Next::Closed => return,
        };
        let (foreign, began) = (job.work.is_foreign(), Instant::now());
        // No work for a caller who has gone (B-71).
        if !job.reply.is_closed() && job.deadline.is_none_or(|deadline| deadline > began) {
            let result = perform(&mut memory, &job);
            match &job.work {
                Work::Judge { .. } => {}
                _ if foreign => load.foreign.took(began.elapsed()),
                _ => load.own.took(began.elapsed()),
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
    fn is_foreign(&self) -> bool {
        matches!(self, Work::Verify { kept, .. } if kept.key_version == FOREIGN)
    }

    fn kind(&self) -> &'static str {
        match self {
            Work::Hash { .. } => "set",
            Work::Judge { .. } => "judged",
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
        Work::Judge { terms } => {
            terms.check(&job.password)?;
            Ok(Done::Allowed)
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

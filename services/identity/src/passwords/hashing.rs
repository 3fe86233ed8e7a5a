//! Hashing on threads of its own, behind a queue that refuses early.
//!
//! A hash takes some 17 ms of a core and 19 MiB. Hashing where calls are
//! answered would stop everything else, and hashing on a pool that grows would
//! take all memory (decision 10 of the security design); so there are a few
//! threads, each with memory that it keeps while there is work, and a caller who would have to wait
//! longer than they can is told so at once. The threads may fill every core,
//! because they run at a low priority: whoever answers calls comes first.

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

use super::kept;

/// The version of the key under which passwords are hashed first.
pub const KEY_VERSION: i16 = 1;

const PURPOSE: &str = "password v1";

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
    jobs: SyncSender<Job>,
    load: Arc<Load>,
    /// What passwords of nobody are checked against.
    decoy: String,
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
    password: Zeroizing<[u8; 32]>,
    work: Work,
    deadline: Option<Instant>,
    reply: oneshot::Sender<Result<Done, Error>>,
}

enum Work {
    Hash,
    /// Compare with this hash; a decoy is compared with and never equal.
    Verify {
        hash: String,
        decoy: bool,
    },
}

enum Done {
    Hash(String),
    Verified(bool),
}

impl Hashing {
    /// Starts the threads. A caller who would wait longer than `patience` is
    /// refused.
    pub fn start(threads: usize, patience: Duration, keys: Keys) -> Result<Hashing, Error> {
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
        let decoy = kept::hash(
            &mut memory,
            keys.keyed_hash(PURPOSE, Keys::token().as_bytes())
                .as_slice(),
        )?;
        Ok(Hashing {
            keys,
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

    /// Hashes a password for keeping.
    pub async fn hash(&self, _place: &Place, password: &str) -> Result<String, Error> {
        match self.run(password, Work::Hash).await? {
            Done::Hash(hash) => Ok(hash),
            Done::Verified(_) => Err(Error::fault("a hash was asked for")),
        }
    }

    /// Whether a password is the one behind a hash. Without one it takes as
    /// long, and is not.
    pub async fn verify(
        &self,
        _place: &Place,
        password: &str,
        hash: Option<&str>,
    ) -> Result<bool, Error> {
        let work = Work::Verify {
            hash: hash.unwrap_or(&self.decoy).to_owned(),
            decoy: hash.is_none(),
        };
        match self.run(password, work).await? {
            Done::Verified(right) => Ok(right),
            Done::Hash(_) => Err(Error::fault("a comparison was asked for")),
        }
    }

    async fn run(&self, password: &str, work: Work) -> Result<Done, Error> {
        // The same password typed on another system may come in another form.
        let password: Zeroizing<String> = Zeroizing::new(password.nfc().collect());
        let password = Zeroizing::new(self.keys.keyed_hash(PURPOSE, password.as_bytes()));
        let (reply, answer) = oneshot::channel();
        let job = Job {
            password,
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
            Work::Hash => "set",
            Work::Verify { decoy: false, .. } => "verified",
            Work::Verify { decoy: true, .. } => "decoy",
        }
    }
}

fn perform(memory: &mut Vec<Block>, job: &Job) -> Result<Done, Error> {
    match &job.work {
        Work::Hash => Ok(Done::Hash(kept::hash(memory, job.password.as_slice())?)),
        Work::Verify { hash, decoy } => {
            let same = kept::same(memory, job.password.as_slice(), hash)?;
            Ok(Done::Verified(same && !decoy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashing(threads: usize, patience: Duration) -> Hashing {
        Hashing::start(threads, patience, Keys::new(&[7; 32])).expect("it starts")
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let hashing = hashing(1, Duration::from_mins(1));
        let place = hashing.place().expect("nobody waits");
        let hash = hashing
            .hash(&place, "correct horse battery staple")
            .await
            .expect("it hashes");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = async |password: &str| {
            hashing
                .verify(&place, password, Some(&hash))
                .await
                .expect("it checks")
        };
        assert!(verify("correct horse battery staple").await);
        assert!(!verify("correct horse battery stapl").await);
        assert!(!verify("Correct horse battery staple").await);
        assert!(
            !hashing
                .verify(&place, "correct horse battery staple", None)
                .await
                .expect("it checks")
        );
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_refused_at_once() {
        let hashing = hashing(1, Duration::from_millis(200));
        let places: Vec<_> = (0..100).map_while(|_| hashing.place().ok()).collect();
        assert!(
            (5..=20).contains(&places.len()),
            "{} places in 200 ms",
            places.len()
        );
        let refusal = hashing.place().err().expect("the queue is full");
        assert!(refusal.is(ErrorReason::TooManyLogins));
        drop(places);
        assert!(hashing.place().is_ok());
    }
}

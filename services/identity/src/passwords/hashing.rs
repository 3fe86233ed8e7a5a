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

mod jobs;
mod load;
mod queue;

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use contract::identity::ErrorReason;
use rpc::{Because as _, Error};
use store::Keys;
use tokio::{sync::oneshot, time::Instant};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use self::{
    jobs::{Done, Job, Rules, Work, work},
    load::{Foreigner, Load, Measure},
    queue::Queue,
};
use super::{
    kept::{self, Kept},
    rules::Terms,
};

pub use load::Place;

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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut memory = kept::memory();
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
            tenants: Mutex::default(),
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
        self.another(place, password, terms, Vec::new()).await
    }

    /// The same, where it is to be none of those either that these hashes of ours
    /// are of. Each of them takes a place beside the one for the new hash.
    pub async fn another(
        &self,
        place: &Place,
        password: &str,
        terms: Terms,
        taken: Vec<Kept>,
    ) -> Result<Kept, Error> {
        self.make(place, password, Some(Rules { terms, taken }))
            .await
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
        rules: Option<Rules>,
    ) -> Result<Kept, Error> {
        let work = Work::Hash {
            key_version: self.key_version,
            rules,
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
        place: &Place,
        password: &str,
        kept: Option<&Kept>,
    ) -> Result<bool, Error> {
        let foreign = kept.is_some_and(Kept::is_foreign);
        let _foreigner = foreign.then(|| self.foreigner(place)).transpose()?;
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

#[cfg(test)]
mod tests;

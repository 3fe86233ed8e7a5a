//! Sessions and API keys in memory, and when they are believed.
//!
//! An entry is put here after it was read from Postgres, and dropped when an
//! event says that it or its owner has ended. Three things make that
//! safe. Nothing is answered from memory unless this replica has heard every
//! event up to a second ago ([`Freshness`]). Who read a row before an ending
//! and comes to put it here after it finds that something has ended meanwhile,
//! and takes it out again. And an entry is read again after a minute anyway.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{ApiKey, Event, Session, Tenant, User, event::Kind},
};
use feed::Freshness;
use prost::Message as _;
use rpc::Error;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{db, timestamp, tokens::exchange::Minted};

/// The most entries in memory; one takes some 400 bytes.
const CAPACITY: usize = 100_000;
/// After how many seconds an entry is read again.
const MOST_AGE: i64 = 60;
/// How often a last use is written, in seconds.
const TOUCH: i64 = 60;

/// What somebody calls with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The session of a user.
    Session(Id<Session>),
    /// The key of a service account.
    ApiKey(Id<ApiKey>),
}

/// A session or an API key that holds, as far as this replica knows.
pub struct Live {
    /// Which it is.
    pub credential: Credential,
    /// The user, or the service account, which acts as one.
    pub user: Id<User>,
    /// The tenant of the user.
    pub tenant: Id<Tenant>,
    /// When it ends at the latest.
    pub expire_time: DateTime<Utc>,
    /// The signed tokens that were made for it.
    pub minted: Mutex<Vec<Minted>>,
    /// What is answered of a session; all but the last use.
    answer: Option<Session>,
    /// How many seconds it lasts without being used.
    idle_timeout: i64,
    /// Unix seconds.
    last_use: AtomicI64,
    noted: AtomicI64,
    read: i64,
}

/// What a token is found by in memory: its SHA-256, which is cheaper than the
/// keyed hash of the table and never leaves the process.
type TokenHash = [u8; 32];

/// When sessions and keys were last used.
pub type Used = HashMap<(Credential, Id<Tenant>), DateTime<Utc>>;

/// The sessions and keys in memory. Clones share them.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

struct Shared {
    live: quick_cache::sync::Cache<TokenHash, Arc<Live>>,
    freshness: Freshness,
    /// Counts endings.
    endings: AtomicU64,
    /// Sessions and users that have ended and may still be in `live`.
    ended: Mutex<HashSet<Uuid>>,
    any_ended: AtomicBool,
    wake: Notify,
    used: Mutex<Used>,
}

impl Cache {
    /// An empty cache, believed while `freshness` is fresh.
    pub fn new(freshness: Freshness) -> Cache {
        Cache(Arc::new(Shared {
            live: quick_cache::sync::Cache::new(CAPACITY),
            freshness,
            endings: AtomicU64::new(0),
            ended: Mutex::default(),
            any_ended: AtomicBool::new(false),
            wake: Notify::new(),
            used: Mutex::default(),
        }))
    }

    /// What a token stands for at a time, from memory or else as `read` finds it
    /// in Postgres; `None` where it does not hold. Using it counts.
    pub async fn find(
        &self,
        token: &str,
        now: DateTime<Utc>,
        read: impl Future<Output = Result<Option<Live>, Error>>,
    ) -> Result<Option<Arc<Live>>, Error> {
        let mut hash: TokenHash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let live = if let Some(live) = self.get(&hash, now) {
            live
        } else {
            let endings = self.endings();
            let Some(live) = read.await?.map(Arc::new) else {
                return Ok(None);
            };
            self.keep(hash, &live, endings);
            live
        };
        if !live.holds(now) {
            return Ok(None);
        }
        self.touch(&live, now);
        Ok(Some(live))
    }

    /// The entry of a token, if it is here and can be believed.
    fn get(&self, hash: &TokenHash, now: DateTime<Utc>) -> Option<Arc<Live>> {
        if !self.0.freshness.is_fresh() {
            return None;
        }
        let live = self.0.live.get(hash)?;
        let believed = now.timestamp() - live.read <= MOST_AGE && !self.has_ended(&live);
        believed.then_some(live)
    }

    /// How many endings there were. Ask before reading a row.
    fn endings(&self) -> u64 {
        self.0.endings.load(SeqCst)
    }

    /// Keeps what was read after `endings` was asked.
    fn keep(&self, hash: TokenHash, live: &Arc<Live>, endings: u64) {
        self.0.live.insert(hash, live.clone());
        // An ending since then may have been heard before the line above.
        if self.endings() != endings {
            self.0.live.remove(&hash);
        }
    }

    /// Forgets a session or a key, or all of a user or service account.
    pub fn end(&self, one_or_owner: Uuid) {
        self.0.endings.fetch_add(1, SeqCst);
        let mut ended = lock(&self.0.ended);
        ended.insert(one_or_owner);
        self.0.any_ended.store(true, SeqCst);
        drop(ended);
        self.0.wake.notify_one();
    }

    /// Forgets what an event of this service says has ended.
    pub fn hear(&self, event: &contract::feed::Event) {
        let Some(payload) = &event.payload else {
            return;
        };
        let ended = match Event::decode(payload.value.as_slice())
            .ok()
            .and_then(|event| event.kind)
        {
            Some(Kind::SessionRevoked(revoked)) => revoked.session_id,
            Some(Kind::RefreshTokenReplayed(replayed)) => replayed.session_id,
            Some(Kind::AllSessionsRevoked(revoked)) => revoked.user_id,
            Some(Kind::UserDisabled(disabled)) => disabled.user_id,
            Some(Kind::UserDeleted(deleted)) => deleted.user_id,
            Some(Kind::PasswordChanged(changed)) => changed.user_id,
            Some(Kind::TemporaryPasswordIssued(issued)) => issued.user_id,
            Some(Kind::TotpEnrolled(enrolled)) => enrolled.user_id,
            Some(Kind::UserLocked(locked)) => locked.user_id,
            Some(Kind::DeviceRevoked(revoked)) => revoked.user_id,
            Some(Kind::AllDevicesRevoked(revoked)) => revoked.user_id,
            Some(Kind::ServiceAccountDisabled(disabled)) => disabled.service_account_id,
            Some(Kind::ServiceAccountDeleted(deleted)) => deleted.service_account_id,
            // The key that it replaces ends sooner than it would have.
            Some(Kind::ApiKeyCreated(created)) => created.replaced_api_key_id,
            Some(Kind::ApiKeyRevoked(revoked)) => revoked.api_key_id,
            Some(Kind::SmsEnrolled(enrolled)) => enrolled.user_id,
            Some(Kind::FactorRemoved(removed)) => removed.user_id,
            Some(Kind::RecoveryCodesCreated(created)) => created.user_id,
            Some(Kind::FactorsReset(reset)) => reset.user_id,
            _ => return,
        };
        if let Ok(id) = ended.parse() {
            self.end(id);
        }
    }

    /// Takes what has ended out of memory, in one pass however many ended at
    /// once. Run it for ever in the background.
    pub async fn sweep(&self) {
        loop {
            self.0.wake.notified().await;
            let gone = lock(&self.0.ended).clone();
            self.0.live.retain(|_, live| !live.is_among(&gone));
            let mut ended = lock(&self.0.ended);
            ended.retain(|id| !gone.contains(id));
            self.0.any_ended.store(!ended.is_empty(), SeqCst);
            if !ended.is_empty() {
                self.0.wake.notify_one();
            }
        }
    }

    /// Notes a use.
    fn touch(&self, live: &Live, now: DateTime<Utc>) {
        let seconds = now.timestamp();
        live.last_use.store(seconds, SeqCst);
        let noted = live.noted.load(SeqCst);
        if seconds - noted >= TOUCH
            && live
                .noted
                .compare_exchange(noted, seconds, SeqCst, SeqCst)
                .is_ok()
        {
            lock(&self.0.used).insert((live.credential, live.tenant), now);
        }
    }

    /// The last uses since it was asked last.
    pub fn take_used(&self) -> Used {
        std::mem::take(&mut *lock(&self.0.used))
    }

    fn has_ended(&self, live: &Live) -> bool {
        if !self.0.any_ended.load(SeqCst) {
            return false;
        }
        live.is_among(&lock(&self.0.ended))
    }
}

impl Live {
    /// A session as it was read at a time.
    pub fn session(row: db::sessions::Row, now: DateTime<Utc>) -> Live {
        let last_use = row.last_use_time.timestamp();
        Live {
            credential: Credential::Session(row.id),
            user: row.user_id,
            tenant: row.tenant_id,
            expire_time: row.expire_time,
            minted: Mutex::default(),
            idle_timeout: row.idle_timeout,
            answer: Some(Session::from(row)),
            last_use: AtomicI64::new(last_use),
            noted: AtomicI64::new(last_use),
            read: now.timestamp(),
        }
    }

    /// A key as it was read at a time.
    pub fn api_key(row: &db::api_keys::Row, now: DateTime<Utc>) -> Live {
        let last_use = row.last_use_time.map_or(0, |time| time.timestamp());
        Live {
            credential: Credential::ApiKey(row.id),
            user: Id::from_uuid(row.service_account_id.uuid()),
            tenant: row.tenant_id,
            expire_time: row.expire_time.unwrap_or(DateTime::<Utc>::MAX_UTC),
            minted: Mutex::default(),
            idle_timeout: i64::MAX,
            answer: None,
            last_use: AtomicI64::new(last_use),
            noted: AtomicI64::new(last_use),
            read: now.timestamp(),
        }
    }

    /// Whether it holds at a time.
    fn holds(&self, now: DateTime<Utc>) -> bool {
        now < self.expire_time && now.timestamp() - self.last_use.load(SeqCst) < self.idle_timeout
    }

    /// The session for an answer; its last use is that of now, to the minute.
    /// `None` for a key.
    pub fn answer(&self, now: DateTime<Utc>) -> Option<Session> {
        let mut session = self.answer.clone()?;
        let mut last_use = timestamp(now);
        last_use.seconds -= last_use.seconds % 60;
        last_use.nanos = 0;
        session.last_use_time = Some(last_use);
        Some(session)
    }

    /// Whether it or its owner is one of these.
    fn is_among(&self, ended: &HashSet<Uuid>) -> bool {
        let id = match self.credential {
            Credential::Session(id) => id.uuid(),
            Credential::ApiKey(id) => id.uuid(),
        };
        ended.contains(&id) || ended.contains(&self.user.uuid())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while one of these was held left it whole: each change is one call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

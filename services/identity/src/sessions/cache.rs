//! Sessions in memory, and when they are believed.
//!
//! An entry is put here after it was read from Postgres, and dropped when an
//! event says that the session or its user has ended. Three things make that
//! safe. Nothing is answered from memory unless this replica has heard every
//! event up to a second ago ([`Freshness`]). Who read a row before an ending
//! and comes to put it here after it finds that something has ended meanwhile,
//! and takes it out again. And an entry is read again after a minute anyway.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
};

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Event, Session, Tenant, User, event::Kind},
};
use feed::Freshness;
use prost::Message as _;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{db, timestamp, tokens::exchange::Minted};

/// The most sessions in memory; a session takes some 400 bytes.
const CAPACITY: usize = 100_000;
/// After how many seconds an entry is read again.
const MOST_AGE: i64 = 60;
/// How often the last use of a session is written, in seconds.
const TOUCH: i64 = 60;

/// A session that holds, as far as this replica knows.
pub struct Live {
    /// The session.
    pub id: Id<Session>,
    /// The user.
    pub user: Id<User>,
    /// The tenant of the user.
    pub tenant: Id<Tenant>,
    /// When the session ends at the latest.
    pub expire_time: DateTime<Utc>,
    /// The signed tokens that were made for it.
    pub minted: Mutex<Vec<Minted>>,
    /// The rest of what is answered; all but the last use.
    answer: Session,
    /// Unix seconds.
    last_use: AtomicI64,
    noted: AtomicI64,
    read: i64,
}

/// What a token is found by in memory: its SHA-256, which is cheaper than the
/// keyed hash of the table and never leaves the process.
pub type TokenHash = [u8; 32];

/// When sessions were last used.
pub type Used = HashMap<(Id<Tenant>, Id<Session>), DateTime<Utc>>;

/// The sessions in memory. Clones share them.
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

    /// The session of a token, if it is here and can be believed.
    pub fn get(&self, hash: &TokenHash, now: DateTime<Utc>) -> Option<Arc<Live>> {
        if !self.0.freshness.is_fresh() {
            return None;
        }
        let live = self.0.live.get(hash)?;
        let believed = now.timestamp() - live.read <= MOST_AGE && !self.has_ended(&live);
        believed.then_some(live)
    }

    /// How many endings there were. Ask before reading a row.
    pub fn endings(&self) -> u64 {
        self.0.endings.load(SeqCst)
    }

    /// Keeps a session that was read after `endings` was asked.
    pub fn keep(&self, hash: TokenHash, live: &Arc<Live>, endings: u64) {
        self.0.live.insert(hash, live.clone());
        // An ending since then may have been heard before the line above.
        if self.endings() != endings {
            self.0.live.remove(&hash);
        }
    }

    /// Forgets a session, or all of a user.
    pub fn end(&self, session_or_user: Uuid) {
        self.0.endings.fetch_add(1, SeqCst);
        let mut ended = lock(&self.0.ended);
        ended.insert(session_or_user);
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
            Some(Kind::UserDisabled(disabled)) => disabled.user_id,
            Some(Kind::UserDeleted(deleted)) => deleted.user_id,
            Some(Kind::PasswordChanged(changed)) => changed.user_id,
            Some(Kind::TotpEnrolled(enrolled)) => enrolled.user_id,
            Some(Kind::UserLocked(locked)) => locked.user_id,
            Some(Kind::DeviceRevoked(revoked)) => revoked.user_id,
            Some(Kind::AllDevicesRevoked(revoked)) => revoked.user_id,
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
            self.0.live.retain(|_, live| {
                !gone.contains(&live.id.uuid()) && !gone.contains(&live.user.uuid())
            });
            let mut ended = lock(&self.0.ended);
            ended.retain(|id| !gone.contains(id));
            self.0.any_ended.store(!ended.is_empty(), SeqCst);
            if !ended.is_empty() {
                self.0.wake.notify_one();
            }
        }
    }

    /// Notes that a session is used.
    pub fn touch(&self, live: &Live, now: DateTime<Utc>) {
        let seconds = now.timestamp();
        live.last_use.store(seconds, SeqCst);
        let noted = live.noted.load(SeqCst);
        if seconds - noted >= TOUCH
            && live
                .noted
                .compare_exchange(noted, seconds, SeqCst, SeqCst)
                .is_ok()
        {
            lock(&self.0.used).insert((live.tenant, live.id), now);
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
        let ended = lock(&self.0.ended);
        ended.contains(&live.id.uuid()) || ended.contains(&live.user.uuid())
    }
}

impl Live {
    /// A session as it was read at a time.
    pub fn new(row: db::sessions::Row, now: DateTime<Utc>) -> Live {
        let last_use = row.last_use_time.timestamp();
        Live {
            id: row.id,
            user: row.user_id,
            tenant: row.tenant_id,
            expire_time: row.expire_time,
            minted: Mutex::default(),
            answer: Session::from(row),
            last_use: AtomicI64::new(last_use),
            noted: AtomicI64::new(last_use),
            read: now.timestamp(),
        }
    }

    /// Whether the session holds at a time.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        let idle = super::IDLE.as_secs().cast_signed();
        now < self.expire_time && now.timestamp() - self.last_use.load(SeqCst) < idle
    }

    /// The session for an answer; its last use is that of now, to the minute.
    pub fn answer(&self, now: DateTime<Utc>) -> Session {
        let mut session = self.answer.clone();
        let mut last_use = timestamp(now);
        last_use.seconds -= last_use.seconds % 60;
        last_use.nanos = 0;
        session.last_use_time = Some(last_use);
        session
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while one of these was held left it whole: each change is one call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

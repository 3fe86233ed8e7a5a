//! The keys that sign tokens: Ed25519 (RFC 8032, RFC 8037).
//!
//! A key is published for a day before it signs, so that by then every replica
//! can answer for it and every verifier has had it in a key set; one that is
//! made on demand for two minutes, in which every replica reads it. Thirty days
//! after it was made the next one takes over, and for another hour it is
//! published still, longer than any token lasts. The private part is sealed in
//! Postgres, and each replica reads it.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rpc::Error;
use serde::Serialize;
use store::{Keys, Store, Tx};
use tokio::sync::Mutex;

use crate::db;

/// How old a key is when it signs no more.
const SIGNS: TimeDelta = TimeDelta::days(30);
/// How long a key is published.
const PUBLISHED: Duration = Duration::from_hours(31 * 24);
/// How long a key is published after the next one took over: longer than the
/// ten minutes of the longest token, and than a replica takes to notice.
const RETIRED: TimeDelta = TimeDelta::hours(1);
/// How old a key is before it signs, unless there is no other.
const SETTLED: TimeDelta = TimeDelta::days(1);
/// The same for one that is made on demand: two looks of every replica.
const SETTLED_ON_DEMAND: TimeDelta = TimeDelta::minutes(2);
/// How often every replica looks for new keys.
pub const REFRESH: Duration = Duration::from_mins(1);

const PURPOSE: &str = "signing key";

/// A key.
pub struct Key {
    /// Its id, the `kid` of its tokens.
    pub id: String,
    /// The public part.
    pub public: Vec<u8>,
    private: Option<EncodingKey>,
    create_time: DateTime<Utc>,
    sign_time: DateTime<Utc>,
}

/// The keys as this replica knows them.
#[derive(Default)]
pub struct Signing {
    /// Newest first.
    keys: ArcSwap<Vec<Arc<Key>>>,
    reading: Mutex<()>,
}

impl Signing {
    /// Signs claims as a token of a class: the `typ` of its header (RFC 8725,
    /// section 3.11).
    pub async fn sign(
        &self,
        store: &Store,
        class: &str,
        claims: &impl Serialize,
    ) -> Result<String, Error> {
        let key = self.current(store).await?;
        let header = Header {
            typ: Some(class.to_owned()),
            kid: Some(key.id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let private = key
            .private
            .as_ref()
            .ok_or_else(|| Error::fault("the current key cannot sign"))?;
        Ok(jsonwebtoken::encode(&header, claims, private)?)
    }

    /// All published keys, newest first.
    pub async fn published(&self, store: &Store) -> Result<Vec<Arc<Key>>, Error> {
        self.current(store).await?;
        Ok(published(&self.keys.load(), store.clock().now()))
    }

    /// Reads the keys again, and makes the next one when it is time.
    pub async fn refresh(&self, store: &Store) -> Result<(), Error> {
        let mut tx = store.worker().await?;
        let keys = read(store, db::signing_keys::list(&mut tx, PUBLISHED).await?);
        drop(tx);
        let keys = if is_next_due(&keys, store.clock().now()) {
            make(store).await?
        } else {
            keys
        };
        self.keys.store(Arc::new(keys));
        Ok(())
    }

    async fn current(&self, store: &Store) -> Result<Arc<Key>, Error> {
        let now = store.clock().now();
        if let Some(key) = pick(&self.keys.load(), now) {
            return Ok(key.clone());
        }
        let _first = self.reading.lock().await;
        if pick(&self.keys.load(), now).is_none() {
            self.refresh(store).await?;
        }
        let keys = self.keys.load();
        pick(&keys, now)
            .cloned()
            .ok_or_else(|| Error::fault("there is no key to sign with"))
    }
}

/// The key that signs at a time, of keys from the newest on: the newest that
/// every replica knows by now.
fn pick(keys: &[Arc<Key>], now: DateTime<Utc>) -> Option<&Arc<Key>> {
    let usable = || {
        keys.iter()
            .filter(|key| key.private.is_some() && now - key.create_time < SIGNS)
    };
    usable()
        .find(|key| now >= key.sign_time)
        .or_else(|| usable().next_back())
}

/// The keys that verify tokens at a time, of keys from the newest on: those that
/// no other took over from so long ago that none of their tokens is left.
fn published(keys: &[Arc<Key>], now: DateTime<Utc>) -> Vec<Arc<Key>> {
    let successor = |key: &&Arc<Key>| key.private.is_some() && now - key.sign_time >= RETIRED;
    let last = keys.iter().position(|key| successor(&key));
    keys[..last.map_or(keys.len(), |last| last + 1)].to_vec()
}

/// Whether the next key has to be made, for it to be settled when the newest
/// one signs no more.
fn is_next_due(keys: &[Arc<Key>], now: DateTime<Utc>) -> bool {
    !keys
        .iter()
        .any(|key| key.private.is_some() && now - key.create_time < SIGNS - SETTLED)
}

fn read(store: &Store, rows: Vec<db::signing_keys::Row>) -> Vec<Arc<Key>> {
    let key = |row: db::signing_keys::Row| {
        let opened = store
            .keys()
            .open(PURPOSE, row.id.as_bytes(), &row.private_key);
        if opened.is_err() {
            tracing::warn!(
                key = row.id,
                "a signing key was sealed under another secret; it signs no more"
            );
        }
        let private = opened.ok().map(|der| EncodingKey::from_ed_der(&der));
        Arc::new(Key {
            id: row.id,
            public: row.public_key,
            private,
            create_time: row.create_time,
            sign_time: row.sign_time,
        })
    };
    rows.into_iter().map(key).collect()
}

/// Makes a key, unless another replica just did.
async fn make(store: &Store) -> Result<Vec<Arc<Key>>, Error> {
    let mut tx = store.worker().await?;
    db::signing_keys::lock(&mut tx).await?;
    let keys = read(store, db::signing_keys::list(&mut tx, PUBLISHED).await?);
    if !is_next_due(&keys, store.clock().now()) {
        return Ok(keys);
    }
    add(store, &mut tx, SETTLED).await?;
    db::signing_keys::reap(&mut tx, PUBLISHED).await?;
    let keys = read(store, db::signing_keys::list(&mut tx, PUBLISHED).await?);
    tx.done().await?;
    Ok(keys)
}

/// Makes a key though none is due; answers its id and from when on it signs.
pub async fn rotate(store: &Store, tx: &mut Tx) -> Result<(String, DateTime<Utc>), Error> {
    db::signing_keys::lock(tx).await?;
    add(store, tx, SETTLED_ON_DEMAND).await
}

async fn add(
    store: &Store,
    tx: &mut Tx,
    settled_after: TimeDelta,
) -> Result<(String, DateTime<Utc>), Error> {
    let pair = Ed25519KeyPair::generate()?;
    let id: String = Keys::token().chars().take(16).collect();
    let sealed = store
        .keys()
        .seal(PURPOSE, id.as_bytes(), pair.to_pkcs8v1()?.as_ref());
    let public = pair.public_key();
    let sign_time =
        db::signing_keys::insert(tx, &id, public.as_ref(), &sealed, settled_after).await?;
    tracing::info!(key = id, "a new signing key");
    Ok((id, sign_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, age: TimeDelta, usable: bool) -> Arc<Key> {
        let private = usable.then(|| EncodingKey::from_ed_der(b"any"));
        Arc::new(Key {
            id: id.into(),
            public: Vec::new(),
            private,
            create_time: DateTime::UNIX_EPOCH - age,
            sign_time: DateTime::UNIX_EPOCH - age + SETTLED,
        })
    }

    fn picked(keys: &[Arc<Key>]) -> Option<&str> {
        pick(keys, DateTime::UNIX_EPOCH).map(|key| key.id.as_str())
    }

    #[test]
    fn a_new_key_waits_until_every_replica_knows_it() {
        let old = key("old", TimeDelta::days(29), true);
        assert_eq!(
            picked(&[key("new", TimeDelta::hours(23), true), old.clone()]),
            Some("old")
        );
        assert_eq!(
            picked(&[key("new", TimeDelta::hours(25), true), old]),
            Some("new")
        );
        assert_eq!(
            picked(&[key("only", TimeDelta::zero(), true)]),
            Some("only")
        );
    }

    #[test]
    fn every_key_but_the_first_is_published_a_day_before_it_signs() {
        // Newest first, as `refresh` sees and makes them.
        let mut keys: Vec<Arc<Key>> = Vec::new();
        let mut signed = Vec::new();
        for hour in 0..24 * 100 {
            let age = TimeDelta::hours(-hour);
            let now = DateTime::UNIX_EPOCH - age;
            if is_next_due(&keys, now) {
                keys.insert(0, key(&keys.len().to_string(), age, true));
            }
            let current = pick(&keys, now).expect("a key signs");
            let first = current.id == "0";
            assert!(
                first || now - current.create_time >= TimeDelta::days(1),
                "nobody knows key {} yet",
                current.id
            );
            signed.push(current.id.clone());
        }
        signed.dedup();
        assert_eq!(signed, ["0", "1", "2", "3"]);
    }

    #[test]
    fn b_76_a_key_made_on_demand_signs_as_soon_as_every_replica_knows_it() {
        let old = key("old", TimeDelta::days(29), true);
        let next = key("next", TimeDelta::hours(23), true);
        let at_once = |age: TimeDelta| {
            Arc::new(Key {
                id: "at once".into(),
                public: Vec::new(),
                private: Some(EncodingKey::from_ed_der(b"any")),
                create_time: DateTime::UNIX_EPOCH - age,
                sign_time: DateTime::UNIX_EPOCH - age + SETTLED_ON_DEMAND,
            })
        };
        let keys = |age| [at_once(age), next.clone(), old.clone()];
        assert_eq!(picked(&keys(TimeDelta::seconds(119))), Some("old"));
        assert_eq!(picked(&keys(TimeDelta::seconds(120))), Some("at once"));
        assert_eq!(
            picked(&keys(TimeDelta::hours(22))),
            Some("at once"),
            "the newest of those that sign"
        );
        let verifying = |age| published(&keys(age), DateTime::UNIX_EPOCH).len();
        assert_eq!(verifying(TimeDelta::minutes(61)), 3, "tokens are left");
        assert_eq!(verifying(TimeDelta::minutes(62)), 1, "none is left");
    }

    #[test]
    fn keys_that_are_old_or_sealed_for_others_do_not_sign() {
        assert_eq!(picked(&[key("old", TimeDelta::days(30), true)]), None);
        assert_eq!(picked(&[key("sealed", TimeDelta::days(1), false)]), None);
    }
}

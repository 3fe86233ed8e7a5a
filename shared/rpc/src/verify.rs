//! Tokens that identity signed, checked here by its published keys.
//!
//! RFC 7519 with the strictness of RFC 8725: one algorithm (`EdDSA`), a key that
//! the token must name, and issuer, audience, type and expiry that must all be
//! there and right. A token of one class is never taken for the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use contract::Id;
use contract::errors::ErrorReason;
use contract::identity::token_service_client::TokenServiceClient;
use contract::identity::{GetKeySetRequest, Jwk, Session, Tenant, User};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Because, Channel, Error};

/// Issuer and audience of every token of the suite.
pub const ISSUER: &str = "usher";
/// The `typ` of a person's token. Not `at+jwt` (RFC 9068): tokens of that class
/// are made for other systems, and are worth nothing here.
pub const PERSON: &str = "usher-person+jwt";
/// The `typ` of a service's token.
pub const SERVICE: &str = "usher-service+jwt";

/// How far the clock here may be ahead of identity's, in seconds.
const LEEWAY: i64 = 5;
/// Ours are below 600 bytes. What is longer is not even looked at.
const LONGEST: usize = 2048;
/// The least time between two fetches of the key set: tokens with invented key
/// ids cause no more of them.
const REFETCH: Duration = Duration::from_secs(1);

/// When a key set that still has all we need is asked for again.
const REFRESH: Duration = Duration::from_mins(5);

/// A person, as their token says.
#[derive(Debug)]
pub struct Person {
    /// The user.
    pub user: Id<User>,
    /// The tenant in which they act.
    pub tenant: Id<Tenant>,
    /// The tenant in which they live.
    pub home: Id<Tenant>,
    /// The session that the token was made from; none where it was an API key.
    pub session: Option<Id<Session>>,
    expire: i64,
}

/// A service of the suite, as its token says.
#[derive(Debug)]
pub struct Peer {
    /// Its name, such as `invitation`.
    pub name: Arc<str>,
    expire: i64,
}

#[derive(Deserialize)]
struct PersonClaims {
    sub: Uuid,
    tid: Uuid,
    hom: Uuid,
    sid: Option<Uuid>,
    akid: Option<Uuid>,
    exp: i64,
}

/// A person's token was made from a session, a service account's from an API
/// key; one that names neither or both is neither's.
fn proof(claims: &PersonClaims) -> Result<Option<Id<Session>>, Error> {
    match (claims.sid, claims.akid) {
        (Some(session), None) => Ok(Some(session.into())),
        (None, Some(_)) => Ok(None),
        _ => Err(invalid()),
    }
}

#[derive(Deserialize)]
struct PeerClaims {
    sub: String,
    exp: i64,
}

/// Verifies tokens, and remembers those that were good until they expire.
pub struct Verifier {
    identity: Channel,
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    keys: ArcSwap<KeySet>,
    /// One caller fetches; those who need what it brings wait.
    fetching: Mutex<()>,
    people: Cache<Box<str>, Arc<Person>>,
    peers: Cache<Box<str>, Arc<Peer>>,
}

impl Verifier {
    /// With the keys of `identity`, a plain channel without
    /// [`Channel::as_service`]; `now` is the time in Unix seconds.
    pub fn new(identity: Channel, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            identity,
            now: Box::new(now),
            keys: ArcSwap::default(),
            fetching: Mutex::new(()),
            people: Cache::new(50_000),
            peers: Cache::new(100),
        }
    }

    /// The person whose token this is; `None` where it has to be verified first.
    pub(crate) fn known_person(&self, token: &str) -> Option<Arc<Person>> {
        self.people
            .get(token)
            .filter(|person| !self.is_over(person.expire))
    }

    /// The same for a service.
    pub(crate) fn known_peer(&self, token: &str) -> Option<Arc<Peer>> {
        self.peers
            .get(token)
            .filter(|peer| !self.is_over(peer.expire))
    }

    /// The person whose token this is, or `CREDENTIAL_INVALID`.
    pub async fn person(&self, token: &str) -> Result<Arc<Person>, Error> {
        if let Some(known) = self.known_person(token) {
            return Ok(known);
        }
        let claims: PersonClaims = self.verify(token, PERSON).await?;
        let person = Arc::new(Person {
            user: claims.sub.into(),
            tenant: claims.tid.into(),
            home: claims.hom.into(),
            session: proof(&claims)?,
            expire: self.good_until(claims.exp)?,
        });
        self.people.insert(token.into(), person.clone());
        Ok(person)
    }

    /// The service whose token this is, or `CREDENTIAL_INVALID`.
    pub async fn peer(&self, token: &str) -> Result<Arc<Peer>, Error> {
        if let Some(known) = self.known_peer(token) {
            return Ok(known);
        }
        let claims: PeerClaims = self.verify(token, SERVICE).await?;
        let peer = Arc::new(Peer {
            name: claims.sub.into(),
            expire: self.good_until(claims.exp)?,
        });
        self.peers.insert(token.into(), peer.clone());
        Ok(peer)
    }

    fn is_over(&self, expire: i64) -> bool {
        (self.now)() >= expire.saturating_add(LEEWAY)
    }

    fn good_until(&self, expire: i64) -> Result<i64, Error> {
        if self.is_over(expire) {
            Err(invalid())
        } else {
            Ok(expire)
        }
    }

    async fn verify<C: DeserializeOwned>(&self, token: &str, class: &str) -> Result<C, Error> {
        if token.len() > LONGEST {
            return Err(invalid());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| invalid())?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(class) {
            return Err(invalid());
        }
        let key = self.key(&header.kid.ok_or_else(invalid)?).await?;
        let data = jsonwebtoken::decode::<C>(token, &key, &validation()).map_err(|_| invalid())?;
        Ok(data.claims)
    }

    /// The key of that name. The key set is fetched where it is not known yet, as
    /// identity may have begun to sign with a new one, and every few minutes, as
    /// it may have withdrawn one.
    async fn key(&self, id: &str) -> Result<DecodingKey, Error> {
        let keys = self.keys.load_full();
        if let Some(key) = keys.by_id.get(id) {
            if keys.is_older_than(REFRESH)
                && let Ok(_first) = self.fetching.try_lock()
            {
                // Where identity does not answer, what we know still holds.
                let _ = self.fetch().await;
            }
            return Ok(key.clone());
        }
        let _first = self.fetching.lock().await;
        let keys = self.keys.load_full();
        if !keys.by_id.contains_key(id) && keys.is_older_than(REFETCH) {
            self.fetch().await?;
        }
        self.keys.load().by_id.get(id).cloned().ok_or_else(invalid)
    }

    async fn fetch(&self) -> Result<(), Error> {
        let mut identity = TokenServiceClient::new(self.identity.clone());
        let (_, reply, _) = identity
            .get_key_set(GetKeySetRequest {})
            .await?
            .into_parts();
        let by_id = reply.keys.iter().filter_map(usable).collect();
        self.keys.store(Arc::new(KeySet {
            by_id,
            fetched: Some(Instant::now()),
        }));
        Ok(())
    }
}

#[derive(Default)]
struct KeySet {
    by_id: HashMap<String, DecodingKey>,
    fetched: Option<Instant>,
}

impl KeySet {
    fn is_older_than(&self, age: Duration) -> bool {
        self.fetched.is_none_or(|then| then.elapsed() >= age)
    }
}

/// Signing keys of our one algorithm (RFC 8037).
fn usable(key: &Jwk) -> Option<(String, DecodingKey)> {
    let ours = key.kty == "OKP" && key.crv == "Ed25519" && key.alg == "EdDSA" && key.r#use == "sig";
    let decoding = DecodingKey::from_ed_components(&key.x)
        .ok()
        .filter(|_| ours && !key.kid.is_empty())?;
    Some((key.kid.clone(), decoding))
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[ISSUER]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // By our own clock, in `good_until`.
    validation.validate_exp = false;
    validation
}

/// One answer for everything that can be wrong with a credential.
pub(crate) fn invalid() -> Error {
    ErrorReason::CredentialInvalid.because("the credential is not valid")
}

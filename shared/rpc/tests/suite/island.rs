//! A suite of three methods: identity's keys, authorization's checks, a feed.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::Id;
use contract::authorization::access_service_server::{AccessService, AccessServiceServer};
use contract::authorization::{BatchCheckRequest, BatchCheckResponse, CheckRequest, CheckResponse};
use contract::feed::feed_service_server::{FeedService, FeedServiceServer};
use contract::feed::{ReadEventsRequest, ReadEventsResponse};
use contract::identity::token_service_server::{TokenService, TokenServiceServer};
use contract::identity::{
    CreateTokensRequest, CreateTokensResponse, ExchangeTokenRequest, ExchangeTokenResponse,
    GetKeySetRequest, GetKeySetResponse, IssueServiceTokenRequest, IssueServiceTokenResponse, Jwk,
    RefreshTokensRequest, RefreshTokensResponse, RotateSigningKeysRequest,
    RotateSigningKeysResponse, Session, Tenant, User,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rpc::{
    Because, Caller, Channel, Decisions, Error, Limits, Reply, ServiceTokens, Stack, Verifier,
};
use serde_json::{Value, json};
use tonic::service::Routes;

pub const NOW: i64 = 1_800_000_000;

/// What the services remember and are told to do.
pub struct Island {
    key: EncodingKey,
    x: String,
    pub now: AtomicI64,
    pub key_fetches: AtomicU32,
    pub checks: AtomicU32,
    /// Who holds what.
    pub granted: Mutex<HashSet<(String, String)>>,
    /// Who called, last.
    pub seen: Mutex<Option<Caller>>,
    /// What was left of the deadline then.
    pub left: Mutex<Option<Duration>>,
    /// How often the feed will refuse, and what else it does.
    pub away: AtomicU32,
    pub reads: AtomicU32,
}

/// The running island.
pub struct Running {
    pub island: Arc<Island>,
    /// To all services, with no credentials.
    pub channel: Channel,
    pub verifier: Arc<Verifier>,
}

pub fn start() -> Running {
    start_with(Limits::default())
}

pub fn start_with(limits: Limits) -> Running {
    let pair =
        Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).expect("a key");
    let public = Ed25519KeyPair::from_pkcs8(pair.as_ref()).expect("a key");
    let island = Arc::new(Island {
        key: EncodingKey::from_ed_der(pair.as_ref()),
        x: URL_SAFE_NO_PAD.encode(public.public_key()),
        now: NOW.into(),
        key_fetches: 0.into(),
        checks: 0.into(),
        granted: Mutex::default(),
        seen: Mutex::default(),
        left: Mutex::default(),
        away: 0.into(),
        reads: 0.into(),
    });
    let (channel, binding) = Channel::late();
    let clock = island.clone();
    let verifier = Arc::new(Verifier::new(channel.clone(), move || {
        clock.now.load(Ordering::Relaxed)
    }));
    let decisions = Arc::new(Decisions::new(as_service(&island, &channel, "invitation")));
    let routes = Routes::new(TokenServiceServer::from_arc(island.clone()))
        .add_service(AccessServiceServer::from_arc(island.clone()))
        .add_service(FeedServiceServer::from_arc(island.clone()));
    let stack = Stack {
        service: "island",
        verifier: verifier.clone(),
        decisions,
        limits,
        authorize: true,
    };
    binding.bind(Channel::local(rpc::stack(routes, stack)));
    Running {
        island,
        channel,
        verifier,
    }
}

/// A channel by which a service calls.
pub fn as_service(island: &Arc<Island>, channel: &Channel, service: &'static str) -> Channel {
    let clock = island.clone();
    let now = move || clock.now.load(Ordering::Relaxed);
    channel
        .clone()
        .as_service(ServiceTokens::new(channel.clone(), service, "key", now))
}

/// A person of one tenant.
#[derive(Clone, Copy)]
pub struct Somebody {
    pub user: Id<User>,
    pub tenant: Id<Tenant>,
    pub home: Id<Tenant>,
    pub session: Id<Session>,
}

pub fn somebody() -> Somebody {
    let tenant = Id::new();
    Somebody {
        user: Id::new(),
        tenant,
        home: tenant,
        session: Id::new(),
    }
}

impl Island {
    /// The claims of a good token.
    pub fn claims(&self, who: Somebody) -> Value {
        json!({
            "iss": "usher", "aud": "usher", "sub": who.user.to_string(), "tid": who.tenant.to_string(),
            "hom": who.home.to_string(), "sid": who.session.to_string(),
            "exp": self.now.load(Ordering::Relaxed) + 60, "jti": Id::<()>::new().to_string(),
        })
    }

    pub fn token(&self, who: Somebody) -> String {
        self.sign(&header(rpc::verify::PERSON), &self.claims(who))
    }

    pub fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).expect("a token")
    }

    /// The public key, as published.
    pub fn public(&self) -> &str {
        &self.x
    }

    pub fn grant(&self, who: Somebody, permission: &str) {
        self.granted
            .lock()
            .expect("no panic")
            .insert((who.user.to_string(), permission.to_owned()));
    }

    pub fn last(&self) -> Caller {
        self.seen
            .lock()
            .expect("no panic")
            .clone()
            .expect("somebody called")
    }

    fn see(&self, caller: Caller) {
        let left =
            rpc::deadline().map(|deadline| deadline.duration_since(tokio::time::Instant::now()));
        *self.left.lock().expect("no panic") = left;
        *self.seen.lock().expect("no panic") = Some(caller);
    }
}

pub fn header(typ: &str) -> Header {
    Header {
        typ: Some(typ.to_owned()),
        kid: Some("k1".to_owned()),
        ..Header::new(Algorithm::EdDSA)
    }
}

#[tonic::async_trait]
impl TokenService for Island {
    async fn exchange_token(
        &self,
        _: tonic::Request<ExchangeTokenRequest>,
    ) -> Reply<ExchangeTokenResponse> {
        rpc::reply(Err(Error::fault("not on this island")))
    }

    async fn create_tokens(
        &self,
        _: tonic::Request<CreateTokensRequest>,
    ) -> Reply<CreateTokensResponse> {
        rpc::reply(Err(Error::fault("not on this island")))
    }

    async fn refresh_tokens(
        &self,
        _: tonic::Request<RefreshTokensRequest>,
    ) -> Reply<RefreshTokensResponse> {
        rpc::reply(Err(Error::fault("not on this island")))
    }

    async fn rotate_signing_keys(
        &self,
        _: tonic::Request<RotateSigningKeysRequest>,
    ) -> Reply<RotateSigningKeysResponse> {
        rpc::reply(Err(Error::fault("not on this island")))
    }

    async fn issue_service_token(
        &self,
        request: tonic::Request<IssueServiceTokenRequest>,
    ) -> Reply<IssueServiceTokenResponse> {
        let (_, ask) = rpc::open(request)?;
        let expire = self.now.load(Ordering::Relaxed) + 600;
        let claims = json!({"iss": "usher", "aud": "usher", "sub": ask.service, "exp": expire});
        let jwt = self.sign(&header("usher-service+jwt"), &claims);
        let expire_time = Some(prost_types::Timestamp {
            seconds: expire,
            nanos: 0,
        });
        rpc::reply(Ok(IssueServiceTokenResponse { jwt, expire_time }))
    }

    async fn get_key_set(
        &self,
        request: tonic::Request<GetKeySetRequest>,
    ) -> Reply<GetKeySetResponse> {
        self.see(rpc::open(request)?.0);
        self.key_fetches.fetch_add(1, Ordering::Relaxed);
        let [kty, crv, alg, r#use] = ["OKP", "Ed25519", "EdDSA", "sig"].map(str::to_owned);
        let key = Jwk {
            kid: "k1".to_owned(),
            kty,
            crv,
            x: self.x.clone(),
            alg,
            r#use,
        };
        rpc::reply(Ok(GetKeySetResponse { keys: vec![key] }))
    }
}

#[tonic::async_trait]
impl AccessService for Island {
    async fn check(&self, request: tonic::Request<CheckRequest>) -> Reply<CheckResponse> {
        let (caller, ask) = rpc::open(request)?;
        self.checks.fetch_add(1, Ordering::Relaxed);
        let allowed = self
            .granted
            .lock()
            .expect("no panic")
            .contains(&(ask.user_id, ask.permission));
        self.see(caller);
        rpc::reply(Ok(CheckResponse {
            allowed,
            revision: String::new(),
        }))
    }

    async fn batch_check(
        &self,
        request: tonic::Request<BatchCheckRequest>,
    ) -> Reply<BatchCheckResponse> {
        let (caller, _) = rpc::open(request)?;
        self.see(caller);
        rpc::reply(Ok(BatchCheckResponse::default()))
    }
}

/// The producer says what happens.
#[tonic::async_trait]
impl FeedService for Island {
    async fn read_events(
        &self,
        request: tonic::Request<ReadEventsRequest>,
    ) -> Reply<ReadEventsResponse> {
        let (caller, ask) = rpc::open(request)?;
        self.see(caller);
        self.reads.fetch_add(1, Ordering::Relaxed);
        match ask.producer.as_str() {
            "panic" => panic!("canary-secret"),
            "hang" => pending().await,
            _ => {}
        }
        let away = self
            .away
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |away| {
                away.checked_sub(1)
            });
        rpc::reply(match away {
            Ok(_) => Err(contract::errors::ErrorReason::DependencyUnavailable.because("away")),
            Err(_) => Ok(ReadEventsResponse::default()),
        })
    }
}

/// A request with metadata.
pub fn ask<T>(message: T, metadata: &[(&'static str, &str)]) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    for (name, value) in metadata.iter().copied().collect::<HashMap<_, _>>() {
        request
            .metadata_mut()
            .insert(name, value.parse().expect("text"));
    }
    request
}

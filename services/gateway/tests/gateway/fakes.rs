//! Services that record and answer, and a gateway before them.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use clap::Parser;
use contract::identity::{ExchangeTokenRequest, ExchangeTokenResponse};
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use prost::Message as _;
use rpc::{BoxedService, Channel};
use tonic::{Code, Status, body::Body};
use tower::{ServiceExt as _, service_fn};

pub const EXCHANGE: &str = "/usher.identity.v1.TokenService/ExchangeToken";
pub const GET_USER: &str = "/usher.identity.v1.UserService/GetUser";
/// Public, and only reads.
pub const KEY_SET: &str = "/usher.identity.v1.TokenService/GetKeySet";
/// A credential with the look of a signed token.
pub const SIGNED: (&str, &str) = ("authorization", "Bearer head.claims.signature");

/// One call as a service saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub service: &'static str,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The services behind a gateway.
#[derive(Clone, Default)]
pub struct Behind {
    pub seen: Arc<Mutex<Vec<Seen>>>,
    /// How often identity was asked to exchange a token.
    pub exchanges: Arc<AtomicUsize>,
    /// Tokens that identity refuses.
    pub revoked: Arc<Mutex<Vec<String>>>,
    /// Milliseconds that identity takes longer for an exchange.
    pub slow: Arc<AtomicU64>,
    /// Whether it then fails.
    pub failing: Arc<AtomicBool>,
}

impl Behind {
    pub fn last(&self) -> Seen {
        self.seen
            .lock()
            .unwrap()
            .last()
            .cloned()
            .expect("a call reached a service")
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// One of the services, called directly.
    pub fn channel(&self, service: &'static str) -> Channel {
        let behind = self.clone();
        Channel::local(BoxedService::new(service_fn(move |request| {
            let behind = behind.clone();
            async move { Ok::<_, Infallible>(behind.answer(service, request).await) }
        })))
    }

    async fn answer(&self, service: &'static str, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if parts.uri.path() == EXCHANGE {
            return self.exchange(&body).await;
        }
        self.seen.lock().unwrap().push(Seen {
            service,
            path: parts.uri.to_string(),
            headers: parts.headers,
            body,
        });
        Status::ok("").into_http()
    }

    async fn exchange(&self, body: &Bytes) -> Response<Body> {
        self.exchanges.fetch_add(1, SeqCst);
        // Long enough for others to want the same meanwhile.
        let takes = 5 + self.slow.load(SeqCst);
        tokio::time::sleep(std::time::Duration::from_millis(takes)).await;
        if self.failing.load(SeqCst) {
            return Status::internal("broken").into_http();
        }
        let ask = ExchangeTokenRequest::decode(&body[5..]).unwrap();
        if self.revoked.lock().unwrap().contains(&ask.token) {
            return Status::unauthenticated("the session has ended").into_http();
        }
        let jwt = format!("jwt.of-{}.at-{}", ask.token, ask.tenant);
        message(&ExchangeTokenResponse {
            jwt,
            expire_time: None,
        })
    }

    /// A gateway before these services, with flags of its own.
    pub fn gateway(&self, flags: &[&str], redis: Option<boot::Redis>) -> BoxedService {
        let flags = Flags::parse_from(["gateway"].iter().chain(flags));
        let edge = boot::Edge {
            peers: boot::Peers {
                identity: self.channel("identity"),
                authorization: self.channel("authorization"),
                invitation: self.channel("invitation"),
                importer: self.channel("importer"),
            },
            redis,
            calls: flags.calls,
            clock: store::Clock::system(),
            tasks: boot::Tasks::here(),
        };
        usher_gateway::open(&edge, &flags.gateway)
    }
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    calls: boot::CallArgs,
    #[command(flatten)]
    gateway: usher_gateway::Config,
}

/// A message as the body of a reply.
fn message(message: &impl prost::Message) -> Response<Body> {
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    bytes.extend(message.encode_to_vec());
    let frames = [
        Ok::<_, Status>(http_body::Frame::data(Bytes::from(bytes))),
        Ok(http_body::Frame::trailers(HeaderMap::from_iter([(
            "grpc-status".parse().unwrap(),
            "0".parse().unwrap(),
        )]))),
    ];
    let body = http_body_util::StreamBody::new(tokio_stream::iter(frames));
    let mut response = Response::new(Body::new(body));
    response
        .headers_mut()
        .insert("content-type", "application/grpc".parse().unwrap());
    response
}

/// A call from an address.
pub fn call(path: &str, from: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: SocketAddr = format!("{from}:40000").parse().unwrap();
    request
        .extension(rpc::Peer(peer))
        .body(Body::empty())
        .unwrap()
}

/// The answer of a gateway, and its status.
pub async fn send(gateway: &BoxedService, request: Request<Body>) -> (Status, HeaderMap) {
    let response = gateway.clone().oneshot(request).await.unwrap();
    let status =
        Status::from_header_map(response.headers()).unwrap_or_else(|| Status::new(Code::Ok, ""));
    (status, response.headers().clone())
}

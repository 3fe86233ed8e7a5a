//! One call through the gateway: named, limited, authenticated, sent on.

use std::{
    convert::Infallible,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use boot::Peers;
use contract::{Id, errors::ErrorReason};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use ipnet::IpNet;
use rpc::Because as _;
use tonic::{Code, Status, body::Body};
use tower::{Service, ServiceExt as _};

use crate::{
    client,
    exchange::{Bearer, Exchange},
    headers::{Claimed, REQUEST_ID, forwarded},
    limit::{Caller, Limit},
    route::Route,
};

/// The bytes of one message that a service takes, and of its frame.
const MESSAGE: usize = 4 * 1024 * 1024 + 5;

/// The gateway as a tower service. Clones share everything.
#[derive(Clone)]
pub(crate) struct Forward(Arc<Parts>);

pub(crate) struct Parts {
    pub peers: Peers,
    pub exchange: Exchange,
    pub trusted: Vec<IpNet>,
    pub limits: Limits,
}

pub(crate) struct Limits {
    /// All calls of one caller.
    pub caller: Limit,
    /// Attempts to log in and the like, by address.
    pub attempts: Limit,
    /// Tokens that turned out to be none, by address: without this, a fresh
    /// false token on every call would be a fresh caller on every call.
    pub strangers: Limit,
}

impl Forward {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Service<Request<Body>> for Forward {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let parts = self.0.clone();
        Box::pin(async move {
            let claimed = Claimed::read(request.headers(), Id::<()>::new().uuid());
            let mut response = match parts.pass(request, &claimed).await {
                Ok(response) => response,
                Err(status) => status.into_http(),
            };
            response
                .headers_mut()
                .insert(REQUEST_ID, claimed.request_id);
            Ok(response)
        })
    }
}

impl Parts {
    async fn pass(
        &self,
        request: Request<Body>,
        claimed: &Claimed,
    ) -> Result<Response<Body>, Status> {
        let route = Route::find(request.uri().path(), &self.peers)?;
        let peer = request
            .extensions()
            .get::<rpc::Peer>()
            .map(|peer| peer.0.ip());
        let address = client::address(peer, request.headers(), &self.trusted);
        self.limit(&route, claimed, address).await?;
        let bearer = self.bearer(&route, claimed, address).await?;

        let (parts, body) = request.into_parts();
        let mut onward = Request::new(bounded(body, &route));
        *onward.method_mut() = parts.method;
        // The contract's own spelling: nothing of the caller's URI travels on.
        *onward.uri_mut() = http::Uri::from_static(route.method.path);
        *onward.version_mut() = http::Version::HTTP_2;
        *onward.headers_mut() = forwarded(&parts.headers, claimed, address, bearer);
        route.to.oneshot(onward).await
    }

    /// Refuses a caller that is too fast. A caller is its session token, or
    /// else its address; a signed token from outside proves nothing yet here,
    /// so it counts by address.
    async fn limit(
        &self,
        route: &Route,
        claimed: &Claimed,
        address: Option<IpAddr>,
    ) -> Result<(), Status> {
        let at = address.map(Caller::of_address);
        let by_token = claimed.credential.as_deref().filter(|token| !is_jwt(token));
        if let Some(caller) = by_token.map(Caller::of_token).or(at) {
            self.limits.caller.take(caller).await.map_err(too_fast)?;
        }
        // Calls inside of this process have no address, and are no attack.
        if let Some(at) = at.filter(|_| route.attempt()) {
            self.limits.attempts.take(at).await.map_err(too_fast)?;
        }
        Ok(())
    }

    /// The `authorization` header for the service.
    async fn bearer(
        &self,
        route: &Route,
        claimed: &Claimed,
        address: Option<IpAddr>,
    ) -> Result<Option<HeaderValue>, Status> {
        let Some(token) = claimed.credential.as_deref() else {
            // The service refuses by the rule of the method.
            return Ok(None);
        };
        if is_jwt(token) {
            return HeaderValue::try_from(format!("Bearer {token}"))
                .map(Some)
                .map_err(|_| Status::invalid_argument("malformed authorization"));
        }
        let bearer = Bearer {
            token,
            tenant: claimed.tenant.as_deref().unwrap_or_default(),
            address,
            request_id: &claimed.request_id,
        };
        let stranger = address
            .map(Caller::of_address)
            .filter(|_| !self.exchange.knows(&bearer));
        if let Some(stranger) = stranger {
            self.limits.strangers.free(stranger).map_err(too_fast)?;
        }
        match self.exchange.header(&bearer).await {
            Ok(header) => Ok(Some(header)),
            // A stale token must not keep anyone from logging in anew.
            Err(status) if route.public() && status.code() == Code::Unauthenticated => Ok(None),
            Err(status) => {
                if let Some(stranger) = stranger.filter(|_| status.code() == Code::Unauthenticated)
                {
                    // Counted for the next one: this call has its refusal.
                    let _ = self.limits.strangers.take(stranger).await;
                }
                Err(status)
            }
        }
    }
}

/// A body of at most one message: it may be held for trying again, and a
/// caller must not decide how much is held. Streams are passed on piece by
/// piece as they come.
fn bounded(body: Body, route: &Route) -> Body {
    if route.method.client_streaming {
        return body;
    }
    let limited = Limited::new(body, MESSAGE).map_err(|error| {
        error.downcast::<Status>().map_or_else(
            |_| {
                ErrorReason::FieldInvalid
                    .because("the message is larger than 4 MiB")
                    .into()
            },
            |status| *status,
        )
    });
    Body::new(limited)
}

fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3
}

fn too_fast(wait: Duration) -> Status {
    ErrorReason::RateLimited
        .because("too many calls; slow down")
        .retry_after(wait)
        .into()
}

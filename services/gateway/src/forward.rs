//! One call through the gateway: named, limited, authenticated, sent on.

use std::{
    convert::Infallible,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use boot::Peers;
use contract::{Id, errors::ErrorReason};
use http::{HeaderValue, Request, Response};
use ipnet::IpNet;
use rpc::{Because as _, headers::REQUEST_ID};
use tonic::{Code, Status, body::Body};
use tower::{Service, ServiceExt as _};

use crate::{
    client,
    exchange::{Bearer, Exchange},
    headers::{Claimed, forwarded},
    limit::{Caller, Limit},
    route::Route,
    waiting::Waiting,
};

/// The gateway as a tower service. Clones share everything.
#[derive(Clone)]
pub(crate) struct Forward(Arc<Parts>);

pub(crate) struct Parts {
    pub peers: Peers,
    pub exchange: Exchange,
    pub trusted: Vec<IpNet>,
    pub limits: Limits,
    pub waiting: Waiting,
}

pub(crate) struct Limits {
    /// All calls of one caller.
    pub caller: Limit,
    /// Attempts to log in and the like, by address.
    pub attempts: Limit,
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
        let bearer = self.admit(&route, claimed, address).await?;

        let (parts, body) = request.into_parts();
        let body = if route.method.client_streaming {
            body
        } else {
            // Whole, before a service hears of it: one that does not come, or
            // is too long, is our affair.
            let from = address.map(Caller::of_address);
            self.waiting.read(body, from).await?
        };
        let mut onward = Request::new(body);
        *onward.method_mut() = parts.method;
        // The contract's own spelling: nothing of the caller's URI travels on.
        *onward.uri_mut() = http::Uri::from_static(route.method.path);
        *onward.version_mut() = http::Version::HTTP_2;
        *onward.headers_mut() = forwarded(&parts.headers, claimed, address, bearer);
        route.to.oneshot(onward).await
    }

    /// Refuses a caller that is too fast, or that has no credential where one
    /// is needed. Answers the `authorization` header for the service: always one
    /// that identity made for this call. A signed token from outside is a token
    /// like any other, and identity exchanges none of those (B-14).
    async fn admit(
        &self,
        route: &Route,
        claimed: &Claimed,
        address: Option<IpAddr>,
    ) -> Result<Option<HeaderValue>, Status> {
        // Calls inside of this process have no address, and are no attack.
        let at = address.map(Caller::of_address);
        if route.attempt() {
            self.limits.attempts.pass(at).await?;
        }
        let Some(token) = claimed.credential.as_deref() else {
            self.limits.caller.pass(at).await?;
            return if route.public() {
                Ok(None)
            } else {
                let why = "sign in first: the call carries no credential";
                Err(ErrorReason::CredentialMissing.because(why).into())
            };
        };
        let bearer = Bearer {
            token,
            tenant: claimed.tenant.as_deref().unwrap_or_default(),
            address,
            request_id: &claimed.request_id,
        };
        match self.exchange.header(&bearer, at).await {
            Ok(header) => {
                self.limits
                    .caller
                    .pass(Some(Caller::of_token(token)))
                    .await?;
                Ok(Some(header))
            }
            Err(status) => {
                // Nobody we know: a call from an address, like one without a token.
                self.limits.caller.pass(at).await?;
                // A stale token must not keep anyone from logging in anew.
                let stale = route.public() && status.code() == Code::Unauthenticated;
                if stale { Ok(None) } else { Err(status) }
            }
        }
    }
}

//! The one client: a tower service that every generated client takes.
//!
//! Whether the callee runs in this process or across the network is decided
//! where the channel is made, and seen nowhere else. What every call gets:
//! a deadline, the credentials of the caller, the trace, and, where the contract
//! says that calling twice does no harm, a bounded retry.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use contract::Method;
use contract::errors::ErrorReason;
use futures::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use crate::{Because, Caller, Error, ServiceTokens, headers, timeout, trace};

mod ending;
mod remote;
mod retry;

/// How long a call waits where neither it nor the call being served says. A
/// stream is not bounded by itself.
const PATIENCE: Duration = Duration::from_secs(5);
/// In place of what cannot be a header: the callee refuses it, while without it
/// the call would be made for somebody else.
const UNREADABLE: HeaderValue = HeaderValue::from_static("unreadable");

/// A service that answers gRPC requests in this process.
pub type BoxedService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The way to a service. Clones share connections.
#[derive(Clone)]
pub struct Channel {
    target: Target,
    tokens: Option<Arc<ServiceTokens>>,
    on_behalf: Option<Arc<[(HeaderName, HeaderValue)]>>,
    retries: Arc<retry::Budget>,
}

#[derive(Clone)]
enum Target {
    Local(BoxedService),
    Remote(Arc<remote::Connections>),
    Late(Arc<OnceLock<Channel>>),
}

/// Where a [`Channel::late`] will lead.
pub struct LateBinding(Arc<OnceLock<Channel>>);

impl LateBinding {
    /// Leads all clones of the channel to `channel` from now on.
    pub fn bind(self, channel: Channel) {
        // Whoever holds the binding gives it away here, so nobody was first.
        let _ = self.0.set(channel);
    }
}

impl Channel {
    /// To a service in this process: routes, or routes behind [`crate::stack`].
    pub fn local<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self::to(Target::Local(BoxCloneSyncService::new(service)))
    }

    /// To a service across the network. Each runtime that calls gets a connection
    /// of its own when it first does, and again whenever the connection is lost.
    #[must_use]
    pub fn remote(uri: Uri) -> Self {
        Self::to(Target::Remote(Arc::new(remote::Connections::to(uri))))
    }

    /// To a service that does not exist yet, for services that need each other.
    /// Until it is bound, calls are refused as `DEPENDENCY_UNAVAILABLE`. Only the
    /// way is taken from what it is bound to, not whom that calls as.
    #[must_use]
    pub fn late() -> (Self, LateBinding) {
        let cell = Arc::new(OnceLock::new());
        (Self::to(Target::Late(cell.clone())), LateBinding(cell))
    }

    fn to(target: Target) -> Self {
        Self {
            target,
            tokens: None,
            on_behalf: None,
            retries: Arc::default(),
        }
    }

    /// Calls as the service whose tokens these are.
    #[must_use]
    pub fn as_service(self, tokens: Arc<ServiceTokens>) -> Self {
        Self {
            tokens: Some(tokens),
            ..self
        }
    }

    /// Calls in the tenant, for the user and as part of the request of `caller`.
    /// The callee believes it because of [`Self::as_service`].
    #[must_use]
    pub fn on_behalf_of(&self, caller: &Caller) -> Self {
        let told = [
            (headers::TENANT, caller.tenant.map(|id| id.to_string())),
            (headers::ACTOR, caller.user.map(|id| id.to_string())),
            (headers::HOME, caller.home.map(|id| id.to_string())),
            (
                headers::CLIENT_ADDRESS,
                caller.address.map(|address| address.to_string()),
            ),
            (headers::REQUEST_ID, Some(caller.request_id.to_string())),
        ];
        let told = told
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .map(|(name, value)| (name, HeaderValue::try_from(value).unwrap_or(UNREADABLE)));
        Self {
            on_behalf: Some(told.collect()),
            ..self.clone()
        }
    }

    async fn send(self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let method = contract::method(request.uri().path());
        let deadline = deadline(&request, method);
        if let Some(told) = &self.on_behalf {
            for (name, value) in told.iter() {
                request.headers_mut().insert(name.clone(), value.clone());
            }
        }
        if let Some(tokens) = &self.tokens {
            let token = tokens.header().await?;
            request.headers_mut().insert(headers::SERVICE, token);
        }
        trace::hand_on(request.headers_mut());
        match method {
            Some(method) if method.may_repeat() && !method.client_streaming => {
                retry::repeat(&self, request, deadline).await
            }
            _ => self.once(request, deadline).await,
        }
    }

    /// One attempt, within the deadline.
    async fn once(
        &self,
        mut request: Request<Body>,
        deadline: Option<Instant>,
    ) -> Result<Response<Body>, Status> {
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(too_late().into());
            }
            let headers = request.headers_mut();
            headers.insert(headers::TIMEOUT, timeout::write(left));
        }
        match (self.bound()?, deadline) {
            // The callee's own stack keeps the deadline: no second timer.
            (Target::Local(service), _) => {
                let answer = service.clone().oneshot(request).await;
                answer.map_err(|never| match never {})
            }
            (Target::Remote(connections), None) => {
                let answer = connections.here().oneshot(request).await;
                answer.map(ending::with_status).map_err(remote::status)
            }
            (Target::Remote(connections), Some(deadline)) => {
                let answer = connections.here().oneshot(request);
                match tokio::time::timeout_at(deadline, answer).await {
                    Ok(answer) => answer.map(ending::with_status).map_err(remote::status),
                    Err(_) => Err(too_late().into()),
                }
            }
            (Target::Late(_), _) => Err(Status::internal("a channel bound to itself")),
        }
    }

    /// Where a late channel leads by now.
    fn bound(&self) -> Result<&Target, Error> {
        let mut target = &self.target;
        while let Target::Late(cell) = target {
            let bound = cell.get();
            target = &bound
                .ok_or_else(|| Error::unavailable("a service that is starting", "not bound yet"))?
                .target;
        }
        Ok(target)
    }
}

/// The earlier of what the request says and what the call being served leaves;
/// where there is neither, our own patience.
fn deadline(request: &Request<Body>, method: Option<&Method>) -> Option<Instant> {
    let now = Instant::now();
    let said = timeout::read(request.headers()).map(|wait| now + wait);
    let own = || method.is_some_and(Method::is_unary).then(|| now + PATIENCE);
    match (said, crate::deadline()) {
        (Some(said), Some(served)) => Some(said.min(served)),
        (said, served) => said.or(served).or_else(own),
    }
}

pub(crate) fn too_late() -> Error {
    ErrorReason::DeadlineExceeded.because("the deadline passed before the work was done")
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

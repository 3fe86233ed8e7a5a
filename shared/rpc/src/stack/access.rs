//! Lets in whom the contract lets in.
//!
//! Most calls are decided without waiting for anybody: their tokens were seen
//! before, and the decision is less than a second old. The others take the slow
//! way, which asks identity for keys and authorization for a decision.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use super::{refuse, subject};
use crate::open::{Own, denied, is_caller};
use crate::{Caller, Decisions, Error, Verifier, body};

mod credentials;
mod demand;

use credentials::Credentials;
pub use credentials::Peer;
use demand::{Demand, demand};

#[derive(Clone)]
pub struct Layer(Arc<Guard>);

impl Layer {
    pub fn new(verifier: Arc<Verifier>, decisions: Arc<Decisions>) -> Self {
        Self(Arc::new(Guard {
            verifier,
            decisions,
        }))
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access {
            inner,
            guard: self.0.clone(),
        }
    }
}

struct Guard {
    verifier: Arc<Verifier>,
    decisions: Arc<Decisions>,
}

impl Guard {
    /// Lets the request in, refuses it, or says `None`: only the slow way knows.
    fn at_once(&self, request: &mut Request<Body>) -> Option<Result<(), Error>> {
        let Some(rule) = demand::rule(request.uri().path()).transpose() else {
            return Some(Ok(()));
        };
        let admitted = rule.and_then(|rule| {
            let credentials = Credentials::read(request.headers())?;
            let Some(known) = credentials.known(&self.verifier) else {
                return Ok(None);
            };
            let caller = known.caller(request)?;
            let demand = demand(rule, &known, &caller)?;
            Ok(self
                .holds(&demand, &caller)
                .then(|| (caller, demand.own(true))))
        });
        match admitted {
            Ok(Some((caller, own))) => {
                admit(request, caller, own);
                Some(Ok(()))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether all that is demanded is known to be so.
    fn holds(&self, demand: &Demand, caller: &Caller) -> bool {
        demand
            .permissions()
            .all(|permission| match (caller.home, caller.user) {
                (Some(home), Some(user)) => self.decisions.known(home, user, permission),
                _ => false,
            })
    }

    /// The same, asking whom it takes.
    async fn in_time(&self, request: &mut Request<Body>) -> Result<(), Status> {
        let Some(rule) = demand::rule(request.uri().path())? else {
            return Ok(());
        };
        let known = Credentials::read(request.headers())?
            .verify(&self.verifier, rule)
            .await?;
        let caller = known.caller(request)?;
        let demand = demand(rule, &known, &caller)?;
        if let Some(permission) = demand.must {
            self.ask(&caller, permission).await?;
        }
        if demand.elsewhere {
            self.ask(&caller, demand::OPERATE).await?;
        }
        let mut own = None;
        if let Some((field, number, permission)) = demand.own {
            let granted = !self.names_caller(request, &caller, number).await?
                && self
                    .ask(&caller, permission)
                    .await
                    .map(|()| true)
                    .or_else(no_is_an_answer)?;
            own = Some(Own {
                field,
                permission,
                granted,
            });
        }
        admit(request, caller, own);
        Ok(())
    }

    async fn ask(&self, caller: &Caller, permission: &'static str) -> Result<(), Error> {
        let home = caller.home.ok_or_else(|| denied(permission))?;
        if self
            .decisions
            .check(home, caller.user()?, permission)
            .await?
        {
            Ok(())
        } else {
            Err(denied(permission))
        }
    }

    /// Whether the message plainly names nobody but the caller. Reads the body
    /// and puts it back.
    async fn names_caller(
        &self,
        request: &mut Request<Body>,
        caller: &Caller,
        number: u32,
    ) -> Result<bool, Status> {
        if contract::method(request.uri().path()).is_none_or(|method| method.client_streaming) {
            return Ok(false);
        }
        let read = body::read(std::mem::take(request.body_mut())).await?;
        let named = subject::find(&read, number);
        *request.body_mut() = body::again(read);
        Ok(named.is_some_and(|named| {
            str::from_utf8(&named).is_ok_and(|named| is_caller(caller, named))
        }))
    }
}

/// For an own rule, a missing permission matters only if the message names
/// somebody else, which `rpc::open` sees.
fn no_is_an_answer(error: Error) -> Result<bool, Error> {
    if error.is(contract::errors::ErrorReason::PermissionDenied) {
        Ok(false)
    } else {
        Err(error)
    }
}

fn admit(request: &mut Request<Body>, caller: Caller, own: Option<Own>) {
    // A handler has no use for credentials, and cannot leak what it does not see.
    request.headers_mut().remove(crate::headers::AUTHORIZATION);
    request.headers_mut().remove(crate::headers::SERVICE);
    let extensions = request.extensions_mut();
    extensions.insert(caller);
    if let Some(own) = own {
        extensions.insert(own);
    }
}

#[derive(Clone)]
pub struct Access<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S> Service<Request<Body>> for Access<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Admission<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.guard.at_once(&mut request) {
            Some(Ok(())) => Admission::Inside {
                inner: self.inner.call(request),
            },
            Some(Err(error)) => Admission::Refused {
                answer: Some(refuse(error)),
            },
            None => {
                let guard = self.guard.clone();
                // The one that is ready serves; the clone takes its place.
                let clone = self.inner.clone();
                let mut inner = std::mem::replace(&mut self.inner, clone);
                let answer = Box::pin(async move {
                    match guard.in_time(&mut request).await {
                        Ok(()) => inner.call(request).await,
                        Err(status) => Ok(status.into_http()),
                    }
                });
                Admission::Waiting { answer }
            }
        }
    }
}

type Answer = Result<Response<Body>, Infallible>;

pin_project! {
    #[project = Projected]
    pub enum Admission<F> {
        Inside { #[pin] inner: F },
        Waiting { answer: BoxFuture<'static, Answer> },
        Refused { answer: Option<Response<Body>> },
    }
}

impl<F: Future<Output = Answer>> Future for Admission<F> {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        match self.project() {
            Projected::Inside { inner } => inner.poll(context),
            Projected::Waiting { answer } => answer.as_mut().poll(context),
            Projected::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                None => Poll::Pending,
            },
        }
    }
}

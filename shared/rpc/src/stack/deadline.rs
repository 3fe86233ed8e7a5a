//! Ends work when the caller stops waiting, and lets calls made meanwhile know.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use contract::Method;
use contract::errors::ErrorReason;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::body::Body;
use tower::Service;

use super::{Limits, refuse};
use crate::serving::{SERVING, Serving};
use crate::{Because, headers, timeout};

#[derive(Clone)]
pub struct Layer {
    limits: Limits,
}

impl Layer {
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline {
            inner,
            limits: self.limits,
        }
    }
}

#[derive(Clone)]
pub struct Deadline<S> {
    inner: S,
    limits: Limits,
}

impl<S> Deadline<S> {
    /// What the caller says, within reason, or the default: but a stream runs as
    /// long as its ends like.
    fn wait(&self, request: &Request<Body>) -> Option<Duration> {
        let said = timeout::read(request.headers());
        if contract::method(request.uri().path()).is_some_and(Method::is_unary) {
            let wait = said.unwrap_or(self.limits.default_deadline);
            Some(wait.min(self.limits.longest_deadline))
        } else {
            said
        }
    }
}

impl<S> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Bounded<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let wait = self.wait(&request);
        if wait.is_some_and(|wait| wait.is_zero()) {
            return Bounded::Over;
        }
        let deadline = wait.map(|wait| Instant::now() + wait);
        let traceparent = request.headers().get(headers::TRACEPARENT).cloned();
        // The handler's first lines run in `call`, so they need the scope, too.
        let serving = Serving {
            deadline,
            traceparent,
        };
        let inner = SERVING.sync_scope(serving.clone(), || self.inner.call(request));
        Bounded::Working {
            inner: SERVING.scope(serving, inner),
            deadline,
            sleep: None,
        }
    }
}

pin_project! {
    #[project = Projected]
    pub enum Bounded<F> {
        Working {
            #[pin]
            inner: TaskLocalFuture<Serving, F>,
            deadline: Option<Instant>,
            // Made when the first poll does not answer: most calls need no timer.
            sleep: Option<Pin<Box<Sleep>>>,
        },
        Over,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Bounded<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Projected::Working {
            inner,
            deadline,
            sleep,
        } = self.project()
        {
            if let Poll::Ready(answer) = inner.poll(context) {
                return Poll::Ready(answer);
            }
            let Some(deadline) = *deadline else {
                return Poll::Pending;
            };
            let sleep = sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
        let error =
            ErrorReason::DeadlineExceeded.because("the deadline passed before the work was done");
        Poll::Ready(Ok(refuse(error)))
    }
}

//! Turns a panic into an answer.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tonic::body::Body;
use tower::Service;

use super::refuse;
use crate::Error;

#[derive(Clone)]
pub struct Layer;

impl<S> tower::Layer<S> for Layer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic { inner }
    }
}

#[derive(Clone)]
pub struct CatchPanic<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for CatchPanic<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Catching<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Catching {
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    pub struct Catching<F> {
        #[pin]
        inner: F,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Catching<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let inner = self.project().inner;
        // After a panic the future is answered for and never polled again, so
        // nobody sees what it left half done.
        catch_unwind(AssertUnwindSafe(|| inner.poll(context)))
            // What the panic said went to the panic hook, and may hold data.
            .unwrap_or_else(|_| Poll::Ready(Ok(refuse(Error::fault("a handler panicked")))))
    }
}

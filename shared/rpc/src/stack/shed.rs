//! Refuses what is more than the service takes at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use contract::Method;
use contract::errors::ErrorReason;
use http::{Request, Response};
use opentelemetry::{KeyValue, global};
use pin_project_lite::pin_project;
use tonic::body::Body;
use tower::Service;

use super::refuse;
use crate::Because;
use crate::body::Holding;

#[derive(Clone)]
pub struct Layer(Arc<Gate>);

struct Gate {
    limit: usize,
    inside: AtomicUsize,
}

impl Layer {
    /// The gauge reads the counter that is there anyway: it costs calls nothing.
    pub fn new(service: &'static str, limit: usize) -> Self {
        let gate = Arc::new(Gate {
            limit,
            inside: AtomicUsize::new(0),
        });
        let seen = Arc::downgrade(&gate);
        global::meter("usher")
            .u64_observable_gauge("usher.rpc.in_flight")
            .with_description("Calls being worked on.")
            .with_callback(move |observer| {
                if let Some(gate) = seen.upgrade() {
                    let inside = gate.inside.load(Ordering::Relaxed) as u64;
                    observer.observe(inside, &[KeyValue::new("service", service)]);
                }
            })
            .build();
        Self(gate)
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Shed<S>;

    fn layer(&self, inner: S) -> Shed<S> {
        Shed {
            inner,
            gate: self.0.clone(),
        }
    }
}

#[derive(Clone)]
pub struct Shed<S> {
    inner: S,
    gate: Arc<Gate>,
}

/// A place inside, given back when dropped.
pub struct Place(Arc<Gate>);

impl Place {
    fn take(gate: &Arc<Gate>) -> Option<Self> {
        // Made before the look at the limit, so that it is given back either way.
        let place = Self(gate.clone());
        (gate.inside.fetch_add(1, Ordering::Relaxed) < gate.limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S> Service<Request<Body>> for Shed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Shedding<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match Place::take(&self.gate) {
            Some(place) => Shedding::Inside {
                // One message is as good as sent. A stream is work to its end.
                stream: !contract::method(request.uri().path()).is_some_and(Method::is_unary),
                inner: self.inner.call(request),
                place: Some(place),
            },
            None => Shedding::Full,
        }
    }
}

pin_project! {
    #[project = Projected]
    pub enum Shedding<F> {
        Inside { #[pin] inner: F, place: Option<Place>, stream: bool },
        Full,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Shedding<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Inside {
                inner,
                place,
                stream,
            } => inner.poll(context).map_ok(|answer| match place.take() {
                Some(place) if *stream => answer.map(|body| Body::new(Holding::new(body, place))),
                _ => answer,
            }),
            Projected::Full => {
                let error = ErrorReason::Overloaded.because("the service is busy; try again later");
                Poll::Ready(Ok(refuse(error.retry_after(Duration::from_secs(1)))))
            }
        }
    }
}

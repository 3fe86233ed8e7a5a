//! Counts and times every call, and puts it into a span: OpenTelemetry's
//! semantic conventions for RPC.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{LazyLock, OnceLock};
use std::task::{Context, Poll};

use contract::Method;
use http::{Request, Response};
use opentelemetry::metrics::{BoundHistogram, Histogram};
use opentelemetry::{KeyValue, global};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tonic::Code;
use tonic::body::Body;
use tower::Service;
use tracing::Span;

use crate::{headers, trace};

/// Milliseconds; the convention's unit. A warm check takes far less than one.
const BOUNDS: [f64; 16] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0,
    10_000.0,
];
/// gRPC has the codes 0 to 16.
const CODES: usize = 17;

static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("usher")
        .f64_histogram("rpc.server.duration")
        .with_unit("ms")
        .with_description("How long calls took until their answer began.")
        .with_boundaries(BOUNDS.to_vec())
        .build()
});

/// The histogram of each method and code, looked up once: a call then costs no
/// hashing of attributes. The last row is for paths that the contract does not
/// have, whoever invents them.
static BOUND: LazyLock<Vec<[OnceLock<BoundHistogram<f64>>; CODES]>> = LazyLock::new(|| {
    (0..=contract::methods().len())
        .map(|_| std::array::from_fn(|_| OnceLock::new()))
        .collect()
});

#[derive(Clone)]
pub struct Layer;

impl<S> tower::Layer<S> for Layer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner }
    }
}

#[derive(Clone)]
pub struct Observe<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Observe<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Observing<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = contract::method(request.uri().path());
        let call = Call {
            method,
            begun: Instant::now(),
            span: span(method, &request),
            code: Code::Cancelled,
        };
        let entered = call.span.clone().entered();
        let inner = self.inner.call(request);
        drop(entered);
        Observing { inner, call }
    }
}

/// A span at debug level: switched off, it costs a comparison. Holds no message
/// and no metadata.
fn span(method: Option<&'static Method>, request: &Request<Body>) -> Span {
    let (service, name) = names(method);
    let span = tracing::debug_span!(
        target: "rpc",
        "call",
        otel.name = method.map_or("unknown", |method| &method.path[1..]),
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = name,
        rpc.grpc.status_code = tracing::field::Empty,
    );
    if !span.is_disabled() {
        trace::continue_from(request, &span);
    }
    span
}

fn names(method: Option<&'static Method>) -> (&'static str, &'static str) {
    method.map_or(("unknown", "unknown"), |method| {
        (method.service, method.name)
    })
}

/// A call on its way; recorded when dropped, as cancelled where nobody waited for
/// its answer.
struct Call {
    method: Option<&'static Method>,
    begun: Instant,
    span: Span,
    code: Code,
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code as usize;
        let row = self
            .method
            .map_or(contract::methods().len(), |method| method.index);
        if let Some(cell) = BOUND.get(row).and_then(|row| row.get(code)) {
            let bound = cell.get_or_init(|| bind(self.method, self.code));
            bound.record(self.begun.elapsed().as_secs_f64() * 1000.0);
        }
        self.span.record("rpc.grpc.status_code", self.code as i32);
    }
}

fn bind(method: Option<&'static Method>, code: Code) -> BoundHistogram<f64> {
    let (service, name) = names(method);
    DURATION.bind(&[
        KeyValue::new("rpc.system", "grpc"),
        KeyValue::new("rpc.service", service),
        KeyValue::new("rpc.method", name),
        KeyValue::new("rpc.grpc.status_code", i64::from(code as i32)),
    ])
}

pin_project! {
    pub struct Observing<F> {
        #[pin]
        inner: F,
        call: Call,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Observing<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let entered = this.call.span.enter();
        let answer = this.inner.poll(context);
        drop(entered);
        if let Poll::Ready(Ok(response)) = &answer {
            // A refusal is all in the head of the response. A stream that fails
            // later counts as begun well.
            let code = response.headers().get(headers::STATUS);
            this.call.code = code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
        }
        answer
    }
}

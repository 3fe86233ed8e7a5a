//! Traces across calls: W3C Trace Context, by the propagator that boot sets.

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, global};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::headers;
use crate::serving::SERVING;

/// The trace that a stranger named, put into a request's extensions by whoever
/// gave the request another one: a stranger does not decide what is recorded.
#[derive(Clone, Debug)]
pub struct Theirs(pub HeaderValue);

/// Makes the span a child of the one that the caller named.
pub(crate) fn continue_from<B>(request: &Request<B>, span: &Span) {
    let headers = request.headers();
    if headers.contains_key(headers::TRACEPARENT) {
        // Fails only where no OpenTelemetry layer listens, and then nobody misses it.
        let _ = span.set_parent(named(headers));
    }
    if let Some(Theirs(theirs)) = request.extensions().get() {
        let headers = HeaderMap::from_iter([(headers::TRACEPARENT, theirs.clone())]);
        let theirs = named(&headers).span().span_context().clone();
        if theirs.is_valid() {
            span.add_link(theirs);
        }
    }
}

fn named(headers: &HeaderMap) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract(&Read(headers)))
}

/// Names the current trace to a callee: our span, or else what our caller named.
pub(crate) fn hand_on(headers: &mut HeaderMap) {
    if let Some(context) = current() {
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut Write(headers));
        });
    } else if !headers.contains_key(headers::TRACEPARENT)
        && let Some(parent) = SERVING
            .try_with(|serving| serving.traceparent.clone())
            .ok()
            .flatten()
    {
        headers.insert(headers::TRACEPARENT, parent);
    }
}

/// The id of the trace of the current span, where one is recorded.
pub(crate) fn span_trace_id() -> Option<String> {
    current().map(|context| context.span().span_context().trace_id().to_string())
}

/// The trace id in a `traceparent`: version, trace id, parent id, flags.
pub(crate) fn id_of(traceparent: &HeaderValue) -> Option<String> {
    let id = traceparent.to_str().ok()?.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| id.to_ascii_lowercase())
}

fn current() -> Option<Context> {
    let span = Span::current();
    if span.is_none() {
        return None;
    }
    let context = span.context();
    context.span().span_context().is_valid().then_some(context)
}

struct Read<'a>(&'a HeaderMap);

impl Extractor for Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Write<'a>(&'a mut HeaderMap);

impl Injector for Write<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

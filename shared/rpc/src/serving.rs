//! The call that the current task serves.

use http::HeaderValue;
use tokio::time::Instant;

/// What a served call hands on to the calls it makes.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
    /// The trace that the caller named.
    pub traceparent: Option<HeaderValue>,
}

tokio::task_local! {
    pub(crate) static SERVING: Serving;
}

/// When whoever called stops waiting; `None` outside of a call, and in a stream
/// without end.
#[must_use]
pub fn deadline() -> Option<Instant> {
    SERVING.try_with(|serving| serving.deadline).ok().flatten()
}

/// The id of the current trace: of the span, of the caller's `traceparent`, or,
/// where there is neither, a fresh one, so that a fault can always be found.
#[must_use]
pub fn trace_id() -> String {
    known_trace_id().unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string())
}

/// The id of the current trace, where there is one: for log lines.
#[must_use]
pub fn known_trace_id() -> Option<String> {
    crate::trace::span_trace_id().or_else(|| {
        let named = SERVING.try_with(|serving| serving.traceparent.clone());
        crate::trace::id_of(&named.ok()??)
    })
}

//! What every process answers beside its own methods: health and reflection.
//! They have no rule of access in the contract, and so stay out of the stack
//! that enforces those.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response};
use rpc::{BoxedService, Error, Theirs, headers::TRACEPARENT};
use tonic::{body::Body, service::Routes};
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder;
use tower::{Service, ServiceExt as _};

use crate::health::server;

/// Where the paths of these protocols begin.
const PREFIX: &str = "/grpc.";

/// A service with health and reflection before it.
#[derive(Clone)]
pub(crate) struct Protocols {
    own: Routes,
    service: BoxedService,
    callers: Callers,
}

/// Who calls.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Callers {
    /// Services of the suite, whose traces go on here.
    Suite,
    /// Anybody: every call begins a trace, and is linked to the one it names.
    Strangers,
}

impl Protocols {
    /// Puts them before `service`. Reflection tells the whole contract,
    /// whichever service is asked: it is public.
    pub fn before(
        service: BoxedService,
        health: &HealthReporter,
        callers: Callers,
    ) -> Result<BoxedService, Error> {
        let files = || {
            Builder::configure()
                .register_encoded_file_descriptor_set(contract::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
                // The details of errors, for clients that print them.
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        let own = Routes::new(server(health))
            .add_service(files().build_v1()?)
            .add_service(files().build_v1alpha()?)
            .prepare();
        Ok(BoxedService::new(Self {
            own,
            service,
            callers,
        }))
    }
}

impl Service<Request<Body>> for Protocols {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The clones that are called below wait for themselves.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        name_trace(&mut request, self.callers);
        if request.uri().path().starts_with(PREFIX) {
            Box::pin(self.own.clone().oneshot(request))
        } else {
            Box::pin(self.service.clone().oneshot(request))
        }
    }
}

/// Gives a call that belongs to no trace of ours one of its own (W3C Trace
/// Context), so that everything logged about it can be found by one id.
fn name_trace<B>(request: &mut Request<B>, callers: Callers) {
    if callers == Callers::Strangers {
        request.headers_mut().remove("tracestate");
        if let Some(theirs) = request.headers_mut().remove(TRACEPARENT) {
            request.extensions_mut().insert(Theirs(theirs));
        }
    }
    if request.headers().contains_key(TRACEPARENT) {
        return;
    }
    // All of it at random, unlike our ids: by it the sampler decides.
    let trace = rand::random_range(1..=u128::MAX);
    let parent = rand::random_range(1..=u64::MAX);
    if let Ok(fresh) = HeaderValue::try_from(format!("00-{trace:032x}-{parent:016x}-01")) {
        request.headers_mut().insert(TRACEPARENT, fresh);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use opentelemetry::{Context, TraceId, trace::SpanKind};
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};

    use super::*;

    const THEIRS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// A call with a trace of somebody, as the service sees it.
    fn seen(callers: Callers) -> Request<()> {
        let mut request = Request::new(());
        let headers = [("traceparent", THEIRS), ("tracestate", "theirs=1")];
        *request.headers_mut() = headers
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>();
        name_trace(&mut request, callers);
        request
    }

    #[test]
    fn a_stranger_does_not_choose_the_trace() {
        let ours = seen(Callers::Strangers);
        assert_ne!(ours.headers()[TRACEPARENT], THEIRS);
        assert!(!ours.headers().contains_key("tracestate"));
        let theirs = ours.extensions().get::<Theirs>().map(|theirs| &theirs.0);
        assert_eq!(theirs.unwrap(), THEIRS);
        assert_eq!(seen(Callers::Suite).headers()[TRACEPARENT], THEIRS);
    }

    #[test]
    fn about_the_wanted_share_of_traces_is_recorded() {
        let recorded = |ratio: f64| {
            let traces = (0..1000).map(|_| {
                let request = seen(Callers::Strangers);
                let named = request.headers()[TRACEPARENT].to_str().unwrap().to_owned();
                TraceId::from_hex(&named[3..35]).unwrap()
            });
            let sampler = Sampler::TraceIdRatioBased(ratio);
            let decide = |id| {
                let none = Context::new();
                sampler.should_sample(Some(&none), id, "call", &SpanKind::Server, &[], &[])
            };
            traces
                .filter(|id| decide(*id).decision == SamplingDecision::RecordAndSample)
                .count()
        };
        for (ratio, expected) in [(0.1, 50..160), (0.5, 420..580), (0.9, 840..950)] {
            let count = recorded(ratio);
            assert!(expected.contains(&count), "{count} of 1000 at {ratio}");
        }
    }
}

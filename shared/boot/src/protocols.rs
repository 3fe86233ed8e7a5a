//! What every process answers beside its own methods: health and reflection.
//! They have no rule of access in the contract, and so stay out of the stack
//! that enforces those.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response};
use rpc::{BoxedService, Error};
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
}

impl Protocols {
    /// Puts them before `service`. Reflection tells the whole contract,
    /// whichever service is asked: it is public.
    pub fn before(service: BoxedService, health: &HealthReporter) -> Result<BoxedService, Error> {
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
        Ok(BoxedService::new(Self { own, service }))
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
        name_trace(request.headers_mut());
        if request.uri().path().starts_with(PREFIX) {
            Box::pin(self.own.clone().oneshot(request))
        } else {
            Box::pin(self.service.clone().oneshot(request))
        }
    }
}

/// Gives a call that belongs to no trace one of its own (W3C Trace Context), so
/// that everything logged about it can be found by one id.
fn name_trace(headers: &mut HeaderMap) {
    if headers.contains_key(rpc::headers::TRACEPARENT) {
        return;
    }
    let trace = contract::Id::<()>::new().uuid();
    let parent = rand::random_range(1..=u64::MAX);
    if let Ok(fresh) = HeaderValue::try_from(format!("00-{}-{parent:016x}-01", trace.simple())) {
        headers.insert(rpc::headers::TRACEPARENT, fresh);
    }
}

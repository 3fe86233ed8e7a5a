//! The one list of layers before every service.
//!
//! Whom to believe: `authorization` is a person's token and `usher-service` a
//! service's; both are verified. All other `usher-*` metadata are believed only
//! beside a service's token, and those that name whom the service acts for not
//! from the gateway, through which strangers call.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceBuilder};

use crate::{BoxedService, Decisions, Error, Verifier};

mod access;
mod deadline;
mod observe;
mod panic;
mod shed;
mod subject;

pub use access::Peer;

/// What the layers need.
#[derive(Clone)]
pub struct Stack {
    /// The service, such as `identity`: names it in metrics.
    pub service: &'static str,
    /// Verifies the callers' tokens.
    pub verifier: Arc<Verifier>,
    /// Decides what callers may do.
    pub decisions: Arc<Decisions>,
    /// How much is too much.
    pub limits: Limits,
    /// Whether the access layer is there. Only the gateway, which hands on what
    /// the services will check, goes without.
    pub authorize: bool,
}

/// How much is too much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls being worked on at once; more are refused. A stream counts until it
    /// ends.
    pub in_flight: usize,
    /// The deadline of calls that bring none. Streams have none then.
    pub default_deadline: Duration,
    /// The latest deadline that a caller may bring. Streams may bring any.
    pub longest_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 4096,
            default_deadline: Duration::from_secs(10),
            longest_deadline: Duration::from_mins(1),
        }
    }
}

/// Puts the layers before a service. The first is the outermost; what refuses at
/// the least cost comes first.
pub fn stack<S>(service: S, stack: Stack) -> BoxedService
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let limits = stack.limits;
    let service = ServiceBuilder::new()
        // Sees every call, also those refused below, with the status they got.
        .layer(observe::Layer)
        // A panic ends one call with INTERNAL, not its connection.
        .layer(panic::Layer)
        // More than we can do is refused before it costs anything.
        .layer(shed::Layer::new(stack.service, limits.in_flight))
        // Nobody works for a caller who has stopped waiting.
        .layer(deadline::Layer::new(limits))
        // No handler runs for a caller whom the contract does not let in.
        .option_layer(
            stack
                .authorize
                .then(|| access::Layer::new(stack.verifier, stack.decisions)),
        )
        .service(service);
    BoxedService::new(service)
}

/// A refusal as a whole response.
fn refuse(error: Error) -> Response<Body> {
    Status::from(error).into_http()
}

//! The metadata by which callers say who they are. See [`crate::stack`] for
//! whom each of them is believed from.

use http::HeaderName;

/// `Bearer` and a JWT that identity minted for a person.
pub const AUTHORIZATION: HeaderName = http::header::AUTHORIZATION;
/// A JWT that identity issued to a service of the suite.
pub const SERVICE: HeaderName = HeaderName::from_static("usher-service");
/// The tenant in which the call acts: its id.
pub const TENANT: HeaderName = HeaderName::from_static("usher-tenant");
/// The user for whom a service acts: their id.
pub const ACTOR: HeaderName = HeaderName::from_static("usher-actor");
/// The tenant in which that user lives: its id.
pub const HOME: HeaderName = HeaderName::from_static("usher-home");
/// The network address of the client at the gateway.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("usher-client-address");
/// The id of the request from outside, a UUID, for finding it in logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("usher-request-id");
/// How long the caller waits, in the form of gRPC over HTTP/2.
pub const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// The trace of the call: W3C Trace Context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The status of a reply that is known before its body.
pub const STATUS: HeaderName = HeaderName::from_static("grpc-status");

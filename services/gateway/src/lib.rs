//! The one door of the suite.
//!
//! The gateway owns no data. It names every call (an id, the address of the
//! client), limits every caller, turns the session token or API key that a
//! caller holds into the short-lived signed token that services verify, and
//! sends the call on to the service that the package of its path belongs to.
//! It never decodes a message, never decides whether a caller may do
//! something (services do, by the contract), and never passes on a header
//! that could be mistaken for what it says itself.

mod client;
mod config;
mod exchange;
mod forward;
mod headers;
mod limit;
mod route;
mod waiting;

use std::sync::Arc;

pub use config::Config;
pub use limit::Rate;

use exchange::Exchange;
use forward::{Forward, Limits, Parts};
use limit::{Limit, Shared};
use waiting::Waiting;

/// False tokens that one address may try: per second, and at once. Each gateway
/// counts alone, and so grants half.
const STRANGERS: Rate = Rate {
    per_second: 20.0,
    burst: 400.0,
};

/// The gateway before the services that `edge` knows.
#[must_use]
pub fn open(edge: &boot::Edge, config: &Config) -> rpc::BoxedService {
    let shared = edge.redis.clone().map(|redis| Arc::new(Shared::new(redis)));
    let limits = Limits {
        caller: Limit::new("caller", config.caller_rate(), shared.clone()),
        attempts: Limit::new("attempt", config.attempt_rate(), shared),
    };
    rpc::BoxedService::new(Forward::new(Parts {
        exchange: Exchange::new(
            edge.peers.identity.clone(),
            edge.clock.clone(),
            Limit::new("stranger", STRANGERS, None),
        ),
        peers: edge.peers.clone(),
        trusted: config.trusted_proxies.clone(),
        limits,
        waiting: Waiting::default(),
    }))
}

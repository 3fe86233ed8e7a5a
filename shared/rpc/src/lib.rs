//! How services of the suite are called and call each other.
//!
//! Owns the one error and its one map to a status ([`Error`]), who is calling
//! ([`Caller`]), the one list of layers before every service ([`stack()`]), and
//! the one client ([`Channel`]), which does not care whether the callee is in
//! this process. Never knows what a call is about: the rules come from the
//! contract, the decisions from authorization.

pub mod body;
pub mod caller;
pub mod channel;
pub mod decisions;
pub mod error;
pub mod headers;
mod open;
pub mod places;
mod serving;
pub mod stack;
mod timeout;
pub mod tokens;
mod trace;
pub mod verify;

pub use caller::Caller;
pub use channel::{BoxedService, Channel, LateBinding};
pub use contract::Id;
pub use decisions::Decisions;
pub use error::{Because, Error};
pub use open::{Reply, open, open_stream, reply};
pub use serving::{deadline, known_trace_id, trace_id};
pub use stack::{Limits, Peer, Stack, stack};
pub use tokens::ServiceTokens;
pub use trace::Theirs;
pub use verify::Verifier;

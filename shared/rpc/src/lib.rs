//! How services of the suite are called and call each other.
//!
//! Owns the one error and its one map to a status ([`Error`]), who is calling
//! ([`Caller`]), the one list of layers before every service ([`stack`]), and
//! the one client ([`Channel`]), which does not care whether the callee is in
//! this process. Never knows what a call is about: the rules come from the
//! contract, the decisions from authorization.

pub mod caller;
pub mod error;
pub mod headers;
mod open;
mod serving;
mod timeout;
mod trace;

pub use caller::Caller;
pub use contract::Id;
pub use error::{Because, Error};
pub use open::{Reply, open, open_stream, reply};
pub use serving::{deadline, trace_id};

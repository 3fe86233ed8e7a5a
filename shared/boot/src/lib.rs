//! From flags to a running process, and out of it gracefully.
//!
//! Owned here: flags and their checks, logs, metrics and traces, the ports,
//! HTTP/2's bounds, runtimes, background work, health, reflection, signals,
//! and how services are put together, alone or in one process. Never done
//! here: anything about users, and anything a service could decide.
//!
//! A process has one runtime per core for calls, each with one thread and its
//! own share of the port (`SO_REUSEPORT`), and one runtime with several
//! threads for background work. A call therefore stays on its core, and a
//! long piece of background work delays no call.

mod alone;
mod args;
mod connection;
mod edge;
mod health;
mod line;
mod listen;
mod mount;
mod ops;
mod places;
mod process;
mod protocols;
mod refuse;
mod secret;
mod service;
mod tasks;
mod telemetry;
mod together;

pub use alone::main;
pub use args::{CallArgs, Http2Args, LogFormat, PeerArgs, ProcessArgs, RedisArgs, StoreArgs};
pub use edge::{Edge, EdgeArgs, edge};
pub use feed::Redis;
pub use mount::Site;
pub use places::{SERVICES, serving};
pub use process::{Serving, run};
pub use refuse::{Misconfigured, parse};
pub use secret::{Root, Secret};
pub(crate) use service::Known;
pub use service::{Host, Peers, Service};
pub use tasks::Tasks;
pub use together::Together;

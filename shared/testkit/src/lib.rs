//! What tests of Usher share: a fresh database, callers with a credential,
//! waiting for a condition instead of for a time, and reading refusals.
//!
//! Owns no knowledge of any service. The suite in one process, with a first
//! operator and a mail catcher, is `usher_tests::Suite`, which stands above the
//! services in the order of dependencies.

mod authenticator;
mod client;
mod database;
mod raw;
mod refusal;
mod wait;

pub use authenticator::Authenticator;
pub use client::Client;
pub use database::{Database, ROLE_PASSWORD, environment, redis};
pub use raw::call_raw;
pub use refusal::{Refusal, refusal};
pub use wait::{eventually, until, until_within};

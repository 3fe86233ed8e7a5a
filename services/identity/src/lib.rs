//! Identity: who exists, and how they prove it.
//!
//! Owned here: tenants, users, passwords, second factors, logins, sessions,
//! service accounts and their keys, signed tokens, lockouts, and the audit
//! trail of the whole suite. Never done here: deciding what a user may do
//! (authorization), sending mails (invitation), and reading files of people
//! (importer).
//!
//! A room is a capability: `users.rs` lists its calls, one line each, and
//! `users/disable.rs` is one of them, one function and one transaction. SQL is
//! in `db/`, a module a table. Start reading at `logins.rs`, or at the room
//! that you came for.

mod access;
mod audit;
mod authority;
mod bulk;
mod config;
mod db;
mod devices;
mod directory;
mod domains;
mod erasures;
mod events;
mod factors;
mod lockouts;
mod logins;
mod masks;
mod passwords;
mod policies;
mod properties;
mod provisioning;
mod reaper;
mod reflect;
mod resets;
mod service_accounts;
mod sessions;
mod start;
mod tenants;
mod tokens;
mod users;

pub use audit::chain;
pub use config::Config;
pub use passwords::breached;
pub use tokens::service_keys::ServiceKey;

use std::{path::PathBuf, sync::Arc};

use boot::{Secret, Tasks};
use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use rpc::{Channel, places::Places};
use store::Store;
use tokio::sync::{Notify, mpsc, watch};

/// The name of the service: of its schema, its role and its feed.
const NAME: &str = "identity";

/// The service. Its methods are the calls of the contract; see the rooms.
pub struct Identity {
    store: Store,
    tasks: Tasks,
    authorization: Channel,
    invitation: Channel,
    hashing: passwords::Hashing,
    breached: Arc<breached::Breached>,
    gates: lockouts::Gates,
    sessions: sessions::Cache,
    signing: tokens::signing::Signing,
    access: tokens::access::Names,
    sms: factors::sms::Sms,
    resets: mpsc::Sender<resets::request::Asked>,
    /// Hears of every step of the mirror in this process.
    mirrored: watch::Sender<()>,
    service_keys: tokens::service_keys::ServiceKeys,
    bootstrap_token: Option<Secret>,
    sealer: audit::seal::Sealer,
    watches: Arc<Places>,
    watches_of_tenant: Arc<Places>,
    audit_checkpoint_file: Option<PathBuf>,
    lookup: domains::Lookup,
    /// A bulk operation began here: a worker need not wait for its next look.
    bulk_begun: Arc<Notify>,
}

/// A time as the contract writes it.
fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: time.timestamp_subsec_nanos().cast_signed(),
    }
}

/// A count as the contract writes it. Counts are not negative; Postgres has no
/// unsigned integers.
fn total(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

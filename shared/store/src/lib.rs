//! Postgres for the services: the only way to a transaction, and what every
//! service's schema has beside its own tables.
//!
//! Owned here: the pool, the tenant of a transaction, idempotent replay by
//! request id, the outbox, sealed page tokens, keyed hashes and sealing, the root
//! key that they come from, roles and migrations. Never done here: SQL about a
//! service's own tables, and anything with Redis.
//!
//! A handler is
//! ```ignore
//! let mut tx = app.store.begin(&caller, &ask).await?;
//! if let Some(reply) = tx.replay()? { return Ok(reply); }
//! let user = db::users::disable(&mut tx, id).await?.ok_or_else(unknown_user)?;
//! tx.publish(identity::Event::from(UserDisabled { .. }));
//! tx.commit(DisableUserResponse { user: Some(user.into()) }).await
//! ```
//!
//! The queries of this crate are checked at run time (`sqlx::query`), not at
//! compile time: the tables of its `migrations/` live in every
//! service's schema and no single one could be named in a development URL.

mod clock;
mod keys;
mod migrate;
mod outbox;
mod page;
mod replay;
mod root;
mod store;
mod tx;

pub use clock::{Clock, ClockHandle};
pub use keys::Keys;
pub use migrate::migrate;
pub use page::Page;
pub use replay::forget_about;
pub use root::Secret;
pub use store::Store;
pub use tx::Tx;

use contract::{Id, identity::Tenant};

/// How many shards every feed has. Fixed for the life of an installation: a
/// tenant's shard is its hash modulo this.
pub const SHARDS: u32 = 4;

/// The shard of a tenant's events, from 0 to [`SHARDS`] - 1. The same on every
/// machine and in every release (FNV-1a over the 16 bytes of the id).
#[must_use]
pub fn shard_of(tenant: Id<Tenant>) -> u32 {
    let hash = tenant
        .uuid()
        .into_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    // The high half: the low bits of FNV are the weakest.
    u32::try_from((hash >> 32) % u64::from(SHARDS)).unwrap_or_default()
}

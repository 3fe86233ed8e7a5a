//! The numbered feed: every service's events, in order, to every service.
//!
//! A change and its event commit together (`store::Tx::publish`). The
//! [`relay`] gives committed events gapless positions in their shard and
//! appends them to a Redis stream under that number. A [`Consumer`] reads from
//! its cursor and commits the effect with the cursor: each event has its effect
//! exactly once, whatever is killed. Redis only makes it fast: [`follow`] fills
//! every gap, and does without Redis, by asking the producer's `FeedService`
//! ([`serve`]).
//!
//! Owned here: positions, cursors, parked events, the stream's form, and
//! [`Redis`], the handle that never makes a caller wait. Never done here:
//! deciding what an event means.
//!
//! After Postgres was restored from a backup, or set up anew beside an old
//! Redis, delete the streams (`usher:feed:*`): their numbers would be given a
//! second time.

mod event;
mod follow;
mod freshness;
mod hint;
mod relay;
mod serve;
mod tail;

pub use follow::{Consumer, follow};
pub use freshness::Freshness;
pub use hint::Redis;
pub use relay::relay;
pub use serve::{Feed, serve};
pub use store::SHARDS;
pub use tail::tail;

/// The key of a shard's stream. The braces keep a shard on one node of a Redis
/// Cluster.
fn stream_key(producer: &str, shard: u32) -> String {
    format!("usher:feed:{{{producer}.{shard}}}")
}

/// The field of a stream entry that holds the encoded `usher.feed.v1.Event`.
const EVENT_FIELD: &str = "event";

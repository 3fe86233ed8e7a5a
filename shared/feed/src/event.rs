//! From a row of the outbox to an event of the feed.

use chrono::{DateTime, Utc};
use contract::feed::{Actor, Event};
use prost_types::{Any, Timestamp};
use uuid::Uuid;

/// A row of the outbox. The queries of this crate are checked at run time: the
/// outbox is in every service's schema.
#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) id: i64,
    event_id: Uuid,
    pub(crate) shard: i32,
    pub(crate) position: Option<i64>,
    tenant_id: Uuid,
    occur_time: DateTime<Utc>,
    actor_user_id: Option<Uuid>,
    actor_service: Option<String>,
    actor_address: Option<String>,
    actor_home_tenant_id: Option<Uuid>,
    request_id: String,
    payload_type: String,
    payload: Vec<u8>,
}

impl Row {
    /// The event, with position 0 where it has none yet.
    pub(crate) fn into_event(self, producer: &str) -> Event {
        let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        Event {
            id: self.event_id.to_string(),
            position: self.position.map(position).unwrap_or_default(),
            shard: u32::try_from(self.shard).unwrap_or_default(),
            producer: producer.to_owned(),
            tenant_id: self.tenant_id.to_string(),
            occur_time: Some(Timestamp {
                seconds: self.occur_time.timestamp(),
                nanos: self.occur_time.timestamp_subsec_nanos().cast_signed(),
            }),
            actor: Some(Actor {
                user_id: text(self.actor_user_id),
                service: self.actor_service.unwrap_or_default(),
                address: self.actor_address.unwrap_or_default(),
                home_tenant_id: text(self.actor_home_tenant_id),
            }),
            request_id: self.request_id,
            payload: Some(Any {
                type_url: format!("type.googleapis.com/{}", self.payload_type),
                value: self.payload,
            }),
        }
    }
}

/// Positions are never negative; Postgres has no unsigned integers.
pub(crate) fn position(column: i64) -> u64 {
    u64::try_from(column).unwrap_or_default()
}

/// As [`position`], the other way round.
pub(crate) fn column(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// A shard as a column.
pub(crate) fn shard_column(shard: u32) -> i32 {
    i32::try_from(shard).unwrap_or(i32::MAX)
}

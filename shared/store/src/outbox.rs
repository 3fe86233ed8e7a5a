//! Writing what a transaction leaves behind: its events and its reply.

use std::{net::IpAddr, sync::Arc};

use rpc::Caller;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::replay::{self, Request};

/// Who an event says did it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actor {
    pub(crate) user: Option<Uuid>,
    pub(crate) home: Option<Uuid>,
    pub(crate) service: Option<Arc<str>>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) request_id: Arc<str>,
}

impl Actor {
    pub(crate) fn of(caller: &Caller) -> Actor {
        Actor {
            user: caller.user.map(|id| id.uuid()),
            home: caller.home.map(|id| id.uuid()),
            service: caller.service.clone(),
            address: caller.address,
            request_id: caller.request_id.clone(),
        }
    }
}

/// An event that waits for the commit.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) shard: i32,
    pub(crate) payload_type: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) actor: Actor,
}

// The inserts are one statement, so that they are one round trip; each may have no
// rows. ORDER BY: ids follow the order of publishing.
const WRITE: &str = "
WITH published AS (
    INSERT INTO outbox (event_id, shard, tenant_id, payload_type, payload, actor_user_id,
        actor_home_tenant_id, actor_service, actor_address, request_id)
    SELECT e.event_id, e.shard, e.tenant_id, e.payload_type, e.payload, e.actor_user_id,
        e.actor_home_tenant_id, e.actor_service, e.actor_address, e.request_id
    FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::bytea[], $6::uuid[],
            $7::uuid[], $8::text[], $9::text[], $10::text[])
        WITH ORDINALITY AS e (event_id, shard, tenant_id, payload_type, payload, actor_user_id,
            actor_home_tenant_id, actor_service, actor_address, request_id, n)
    ORDER BY e.n
), named AS (
    INSERT INTO reply_subjects (tenant_id, subject_id, caller, request_id)
    SELECT $11, s, $12, $13 FROM unnest($16::uuid[]) s WHERE $13::uuid IS NOT NULL
)
INSERT INTO replies (tenant_id, caller, request_id, request_hash, reply)
SELECT $11, $12, $13, $14, $15 WHERE $13::uuid IS NOT NULL";

/// Writes the events, and the reply of a request that carried an id; `reply`
/// `None` remembers the request without its reply.
pub(crate) async fn write(
    db: &mut PgConnection,
    events: &[Pending],
    request: Option<&Request>,
    reply: Option<&[u8]>,
) -> sqlx::Result<()> {
    fn column<'a, T>(events: &'a [Pending], of: impl Fn(&'a Pending) -> T) -> Vec<T> {
        events.iter().map(of).collect()
    }
    let address = |event: &Pending| event.actor.address.map(|address| address.to_string());
    sqlx::query(WRITE)
        .bind(column(events, |event| event.id))
        .bind(column(events, |event| event.shard))
        .bind(column(events, |event| event.tenant))
        .bind(column(events, |event| event.payload_type.as_str()))
        .bind(column(events, |event| event.payload.as_slice()))
        .bind(column(events, |event| event.actor.user))
        .bind(column(events, |event| event.actor.home))
        .bind(column(events, |event| event.actor.service.as_deref()))
        .bind(column(events, address))
        .bind(column(events, |event| &*event.actor.request_id))
        .bind(request.map(|request| request.tenant))
        .bind(request.map(|request| request.caller.as_str()))
        .bind(request.map(|request| request.id))
        .bind(request.map(|request| request.hash.as_slice()))
        .bind(reply)
        .bind(reply.map(replay::subjects).unwrap_or_default())
        .execute(db)
        .await?;
    Ok(())
}

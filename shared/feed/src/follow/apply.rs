//! A run of events, one transaction.

use std::panic::AssertUnwindSafe;

use contract::{Id, feed::Event};
use futures::FutureExt as _;
use prost::{Message as _, Name as _};
use prost_types::Any;
use rpc::{Caller, Error};
use store::Tx;

use super::{Consumer, Follower};
use crate::event::{column, position, shard_column};

/// The most events in one transaction. It holds its locks for all of them, some
/// tens of milliseconds.
const RUN: usize = 100;

impl<C: Consumer> Follower<'_, C> {
    /// The position of the last event that was applied or parked.
    pub(super) async fn cursor(&self, shard: u32) -> Result<u64, Error> {
        let mut tx = self.store.worker().await?;
        sqlx::query(
            "INSERT INTO cursors (consumer, producer, shard, position) VALUES ($1, $2, $3, 0)
             ON CONFLICT DO NOTHING",
        )
        .bind(C::NAME)
        .bind(C::PRODUCER)
        .bind(shard_column(shard))
        .execute(&mut *tx)
        .await?;
        let at: i64 = sqlx::query_scalar(
            "SELECT position FROM cursors WHERE consumer = $1 AND producer = $2 AND shard = $3",
        )
        .bind(C::NAME)
        .bind(C::PRODUCER)
        .bind(shard_column(shard))
        .fetch_one(&mut *tx)
        .await?;
        tx.done().await?;
        Ok(position(at))
    }

    /// Applies events of one tenant, and moves the cursor to the last. False,
    /// with no effect, where the cursor is not just before the first or another
    /// replica holds it.
    pub(super) async fn apply(&self, run: &[Event]) -> Result<bool, Error> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(true);
        };
        let caller = origin(first)?;
        let mut tx = self.store.tenant(caller.tenant()?, &caller).await?;
        if !move_cursor::<C>(&mut tx, first, last).await? {
            return Ok(false);
        }
        for event in run {
            let Some(payload) = payload::<C>(event)? else {
                continue;
            };
            tx.act_for(&origin(event)?);
            let applying = AssertUnwindSafe(self.consumer.apply(&mut tx, event, payload));
            applying
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(Error::fault("the consumer panicked")))?;
        }
        tx.done().await?;
        Ok(true)
    }

    /// Puts an event aside and moves the cursor to it.
    pub(super) async fn park(
        &self,
        event: &Event,
        attempts: u32,
        last: &Error,
    ) -> Result<bool, Error> {
        let mut tx = self.store.worker().await?;
        if !move_cursor::<C>(&mut tx, event, event).await? {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO parked (consumer, producer, shard, position, event, error, attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(C::NAME)
        .bind(C::PRODUCER)
        .bind(shard_column(event.shard))
        .bind(column(event.position))
        .bind(event.encode_to_vec())
        .bind(last.to_string())
        .bind(i32::try_from(attempts).unwrap_or(i32::MAX))
        .execute(&mut *tx)
        .await?;
        tx.done().await?;
        self.parked.add(1, &self.labels());
        tracing::error!(
            service = self.store.service(),
            producer = C::PRODUCER,
            shard = event.shard,
            position = event.position,
            event = event.id,
            error = %last,
            "follow: an event was parked"
        );
        Ok(true)
    }
}

/// Locks the cursor and moves it from just before the first event to the last,
/// in one statement; whoever does not get the lock at once leaves the shard to
/// who has it.
async fn move_cursor<C: Consumer>(tx: &mut Tx, first: &Event, last: &Event) -> Result<bool, Error> {
    let moved = sqlx::query(
        "UPDATE cursors SET position = $5 WHERE (consumer, producer, shard) = (
             SELECT consumer, producer, shard FROM cursors
             WHERE consumer = $1 AND producer = $2 AND shard = $3 AND position = $4 - 1
             FOR UPDATE SKIP LOCKED)",
    )
    .bind(C::NAME)
    .bind(C::PRODUCER)
    .bind(shard_column(first.shard))
    .bind(column(first.position))
    .bind(column(last.position))
    .execute(&mut **tx)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// The first events that are of one tenant, and are a transaction: a tenant in
/// which much happens at once costs little more than one where nothing does.
pub(super) fn run(events: &[Event]) -> &[Event] {
    let Some(first) = events.first() else {
        return events;
    };
    let alike = |event: &&Event| event.tenant_id == first.tenant_id;
    let count = events.iter().take(RUN).take_while(alike).count();
    &events[..count]
}

/// Who did the event, as the caller of what follows from it.
fn origin(event: &Event) -> Result<Caller, Error> {
    let actor = event.actor.clone().unwrap_or_default();
    let some = |text: String| if text.is_empty() { None } else { Some(text) };
    let id = |text: String| some(text).map(|text| text.parse()).transpose();
    Ok(Caller {
        tenant: Some(event.tenant_id.parse()?),
        user: id(actor.user_id)?.map(Id::from_uuid),
        home: id(actor.home_tenant_id)?.map(Id::from_uuid),
        session: None,
        service: some(actor.service).map(Into::into),
        address: some(actor.address).map(|text| text.parse()).transpose()?,
        user_agent: None,
        request_id: event.request_id.as_str().into(),
    })
}

/// The payload as the consumer takes it; `None` where it is of another package.
fn payload<C: Consumer>(event: &Event) -> Result<Option<C::Event>, Error> {
    let Some(any) = &event.payload else {
        return Err(Error::fault("an event has no payload"));
    };
    if C::Event::full_name() == Any::full_name() {
        return Ok(Some(C::Event::decode(any.encode_to_vec().as_slice())?));
    }
    match any.type_url.rsplit_once('/') {
        Some((_, name)) if name == C::Event::full_name() => {
            Ok(Some(C::Event::decode(any.value.as_slice())?))
        }
        _ => Ok(None),
    }
}

//! One event, one transaction.

use std::panic::AssertUnwindSafe;

use contract::{Id, feed::Event};
use futures::FutureExt as _;
use prost::{Message as _, Name as _};
use prost_types::Any;
use rpc::{Caller, Error};
use store::Tx;

use super::{Consumer, Follower};
use crate::event::{column, position, shard_column};

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

    /// Applies an event and moves the cursor to it. False, with no effect,
    /// where the cursor is not just before the event or another replica holds
    /// it.
    pub(super) async fn apply(&self, event: &Event) -> Result<bool, Error> {
        let caller = origin(event)?;
        let mut tx = self.store.tenant(caller.tenant()?, &caller).await?;
        if !move_cursor::<C>(&mut tx, event).await? {
            return Ok(false);
        }
        if let Some(payload) = payload::<C>(event)? {
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
        if !move_cursor::<C>(&mut tx, event).await? {
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

/// Locks the cursor and moves it in one statement; whoever does not get the
/// lock at once leaves the shard to who has it.
async fn move_cursor<C: Consumer>(tx: &mut Tx, event: &Event) -> Result<bool, Error> {
    let moved = sqlx::query(
        "UPDATE cursors SET position = $4 WHERE (consumer, producer, shard) = (
             SELECT consumer, producer, shard FROM cursors
             WHERE consumer = $1 AND producer = $2 AND shard = $3 AND position = $4 - 1
             FOR UPDATE SKIP LOCKED)",
    )
    .bind(C::NAME)
    .bind(C::PRODUCER)
    .bind(shard_column(event.shard))
    .bind(column(event.position))
    .execute(&mut **tx)
    .await?;
    Ok(moved.rows_affected() == 1)
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

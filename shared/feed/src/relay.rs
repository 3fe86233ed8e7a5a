//! Positions for committed events, and the stream.

use std::time::Duration;

use contract::feed::Event;
use prost::Message as _;
use redis::RedisResult;
use rpc::Error;
use store::{SHARDS, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    EVENT_FIELD, Redis,
    event::{Row, shard_column},
    stream_key,
};

/// How often to look for events that another process committed.
const POLL: Duration = Duration::from_millis(200);
/// The least time from one look to the next: what is committed meanwhile is
/// numbered together, and reaches consumers together.
const PACE: Duration = Duration::from_millis(20);
/// How soon to look again while another replica is numbering.
const BUSY: Duration = Duration::from_millis(20);
/// How many events are numbered in one transaction.
const BATCH: i32 = 500;
/// About how many events a stream keeps; a reader further behind asks the
/// producer.
const KEPT: usize = 100_000;

/// Numbers the events of the store's service and appends them to Redis, until
/// shutdown. Runs in every replica: an advisory lock of Postgres makes one of
/// them work a shard at a time.
///
/// Events are numbered when they are seen committed, because neither ids nor
/// times are in the order of commits: a reader of `id > last` would skip an
/// event whose transaction took longer than a later one's (B-58).
pub async fn relay(store: Store, redis: Option<Redis>, shutdown: CancellationToken) {
    let mut committed = store.committed();
    loop {
        let next = Instant::now() + PACE;
        committed.mark_unchanged();
        let wait = match round(&store, redis.as_ref()).await {
            Ok(true) => POLL,
            Ok(false) => BUSY,
            Err(error) => {
                tracing::warn!(service = store.service(), %error, "relay: cannot number events");
                tokio::time::sleep(POLL).await;
                POLL
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = committed.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
        tokio::time::sleep_until(next).await;
    }
}

/// Numbers all that waits. False where another replica is at it.
async fn round(store: &Store, redis: Option<&Redis>) -> Result<bool, Error> {
    let mut drained = true;
    for shard in waiting(store).await? {
        drained &= drain(store, redis, shard).await?;
    }
    Ok(drained)
}

async fn waiting(store: &Store) -> Result<Vec<i32>, Error> {
    let mut tx = store.worker().await?;
    let shards = sqlx::query_scalar(
        "SELECT s FROM generate_series(0, $1) s
         WHERE EXISTS (SELECT FROM outbox WHERE shard = s AND position IS NULL)",
    )
    .bind(shard_column(SHARDS - 1))
    .fetch_all(&mut *tx)
    .await?;
    Ok(shards)
}

async fn drain(store: &Store, redis: Option<&Redis>, shard: i32) -> Result<bool, Error> {
    let mut first = true;
    loop {
        let mut tx = store.worker().await?;
        let mut rows: Vec<Row> = sqlx::query_as("SELECT * FROM number_events($1, $2)")
            .bind(shard)
            .bind(BATCH)
            .fetch_all(&mut *tx)
            .await?;
        // Before the stream: a number that a reader has seen is never given again.
        tx.done().await?;
        let count = rows.len();
        rows.sort_unstable_by_key(|row| row.position);
        if let Some(redis) = redis {
            let events: Vec<_> = rows
                .into_iter()
                .map(|row| row.into_event(store.service()))
                .collect();
            if let Err(error) = append(redis, &events).await {
                // Readers notice the gap and ask for it.
                tracing::debug!(service = store.service(), %error, "relay: the stream misses events");
            }
        }
        match count {
            0 => return Ok(!first),
            _ if count < BATCH.cast_unsigned() as usize => return Ok(true),
            _ => first = false,
        }
    }
}

/// Appends under the position as id. Redis refuses an id that is not larger
/// than the last one, so nothing is in a stream twice; such refusals, like all
/// errors here, cost a reader only the way to the producer.
async fn append(redis: &Redis, events: &[Event]) -> RedisResult<()> {
    let Some(first) = events.first() else {
        return Ok(());
    };
    let key = redis.key(&stream_key(&first.producer, first.shard));
    let mut commands = redis::pipe();
    // Who waits for the stream is woken once, for all of them.
    commands.atomic().ignore_errors();
    for event in events {
        commands
            .cmd("XADD")
            .arg(&key)
            .arg("MAXLEN")
            .arg("~")
            .arg(KEPT)
            .arg(format!("{}-0", event.position))
            .arg(EVENT_FIELD)
            .arg(event.encode_to_vec());
    }
    redis.pipeline::<redis::Value>(&commands).await?;
    Ok(())
}

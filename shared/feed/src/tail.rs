//! A service's own events, heard by every replica at once.

use std::{collections::HashSet, time::Duration};

use contract::feed::Event;
use rpc::Error;
use store::{SHARDS, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Freshness,
    event::{Row, shard_column},
};

/// How often to look for events of other replicas.
const POLL: Duration = Duration::from_millis(250);
/// The least time between two looks, however busy this process is.
const PAUSE: Duration = Duration::from_millis(10);
/// The most numbered events of a shard that one look reads.
const BATCH: i64 = 1000;

/// Calls `on_event` with every event that any replica of the store's service
/// commits from now on: within 250 ms, and at once for those of this process.
/// Each is told once, in no order. Nothing is kept: it is for forgetting what
/// this process has cached, under the guard of `freshness`.
///
/// Reads Postgres, not the stream, and does not wait for the relay: an event
/// that has no position yet is told too.
pub async fn tail(
    store: Store,
    on_event: impl Fn(&Event) + Send + Sync,
    freshness: Freshness,
    shutdown: CancellationToken,
) {
    let mut committed = store.committed();
    let mut place = None;
    loop {
        committed.mark_unchanged();
        let began = Instant::now();
        let wait = match look(&store, &mut place, &on_event).await {
            Ok(true) => {
                freshness.looked(began);
                POLL
            }
            Ok(false) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(service = store.service(), %error, "tail: cannot read events");
                POLL
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = committed.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What has been told.
struct Place {
    /// The last position of each shard.
    heads: Vec<i64>,
    /// The rows that were told while they had no position.
    early: HashSet<i64>,
}

/// Tells what is new. False where there is more to read.
async fn look(
    store: &Store,
    place: &mut Option<Place>,
    on_event: &(impl Fn(&Event) + Send + Sync),
) -> Result<bool, Error> {
    let place = match place {
        Some(place) => place,
        None => place.insert(start(store).await?),
    };
    // One statement, so one snapshot: a row is in one of the two parts.
    let mut tx = store.worker().await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM outbox WHERE position IS NULL AND NOT (id = ANY($1))
         UNION ALL
         SELECT o.* FROM unnest($2::bigint[]) WITH ORDINALITY AS head (position, n)
             CROSS JOIN LATERAL (
                 SELECT * FROM outbox WHERE shard = head.n - 1 AND position > head.position
                 ORDER BY position LIMIT $3) o",
    )
    .bind(place.early.iter().copied().collect::<Vec<_>>())
    .bind(&place.heads)
    .bind(BATCH)
    .fetch_all(&mut *tx)
    .await?;
    let drained = i64::try_from(rows.len()).is_ok_and(|count| count < BATCH);
    for row in rows {
        let told = match row.position {
            None => !place.early.insert(row.id),
            Some(at) => {
                if let Some(head) = usize::try_from(row.shard)
                    .ok()
                    .and_then(|shard| place.heads.get_mut(shard))
                {
                    *head = at.max(*head);
                }
                place.early.remove(&row.id)
            }
        };
        if !told {
            on_event(&row.into_event(store.service()));
        }
    }
    Ok(drained)
}

async fn start(store: &Store) -> Result<Place, Error> {
    let mut tx = store.worker().await?;
    let heads = sqlx::query_scalar(
        "SELECT coalesce((SELECT max(position) FROM outbox WHERE shard = s AND position IS NOT NULL), 0)
         FROM generate_series(0, $1) s ORDER BY s",
    )
    .bind(shard_column(SHARDS - 1))
    .fetch_all(&mut *tx)
    .await?;
    Ok(Place {
        heads,
        early: HashSet::new(),
    })
}

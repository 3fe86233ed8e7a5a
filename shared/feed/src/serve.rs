//! The feed to others, from Postgres.

use contract::feed::{
    Event, ReadEventsRequest, ReadEventsResponse,
    feed_service_server::{FeedService, FeedServiceServer},
};
use prost::Message as _;
use rpc::{Error, Reply};
use store::Store;
use tonic::Request;

use crate::event::{Row, column, shard_column};

const DEFAULT_LIMIT: u32 = 500;
/// Where a reply stops growing, well below the 4 MiB that gRPC takes.
const REPLY_BYTES: usize = 1 << 20;

/// The `FeedService` of the service that owns the store.
#[must_use]
pub fn serve(store: Store, producer: &'static str) -> FeedServiceServer<Feed> {
    FeedServiceServer::new(Feed { store, producer })
}

/// Serves the events of one service.
#[derive(Debug)]
pub struct Feed {
    store: Store,
    producer: &'static str,
}

#[tonic::async_trait]
impl FeedService for Feed {
    async fn read_events(&self, request: Request<ReadEventsRequest>) -> Reply<ReadEventsResponse> {
        let (_, ask) = rpc::open(request)?;
        rpc::reply(
            read(self, &ask)
                .await
                .map(|events| ReadEventsResponse { events }),
        )
    }
}

async fn read(feed: &Feed, ask: &ReadEventsRequest) -> Result<Vec<Event>, Error> {
    if ask.producer != feed.producer {
        return Err(Error::field(
            "producer",
            format!("must be {:?}, whose feed this is", feed.producer),
        ));
    }
    let limit = if ask.limit == 0 {
        DEFAULT_LIMIT
    } else {
        ask.limit
    };
    let mut tx = feed.store.worker().await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM outbox WHERE shard = $1 AND position > $2 ORDER BY position LIMIT $3",
    )
    .bind(shard_column(ask.shard))
    .bind(column(ask.after))
    .bind(i64::from(limit))
    .fetch_all(&mut *tx)
    .await?;
    let mut size = 0;
    let events = rows.into_iter().map(|row| row.into_event(feed.producer));
    // The first event always goes, however large.
    let fits = |event: &Event| {
        let first = size == 0;
        size += event.encoded_len();
        first || size <= REPLY_BYTES
    };
    Ok(events.take_while(fits).collect())
}

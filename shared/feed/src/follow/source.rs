//! The events after a cursor: from the stream where it has them, from the
//! producer where it does not.

use std::time::Duration;

use contract::feed::{Event, ReadEventsRequest, feed_service_client::FeedServiceClient};
use prost::Message as _;
use redis::{
    RedisResult,
    aio::MultiplexedConnection,
    streams::{StreamId, StreamReadReply},
};
use rpc::Channel;
use tokio::time::Instant;

use crate::{EVENT_FIELD, Redis, stream_key};

/// How long one look at the stream waits for an event.
const BLOCK: Duration = Duration::from_secs(1);
/// How much later the answer of a look may come before Redis counts as away.
const SLACK: Duration = Duration::from_millis(300);
/// How long a silent stream is believed. A relay that died between Postgres and
/// Redis leaves a gap at the end, which no later event shows.
const BELIEVED: Duration = Duration::from_secs(2);
/// How often the producer is asked while there is no Redis.
const POLL: Duration = Duration::from_millis(200);
/// How many events are taken from the stream at once.
const BATCH: usize = 128;

/// What a look at the stream shows.
enum Seen {
    /// The next events.
    Next(Vec<Event>),
    /// Events, but not the next one.
    Gap,
    Silence,
    /// No Redis.
    Nothing,
}

pub(super) struct Source {
    producer: &'static str,
    shard: u32,
    redis: Option<Redis>,
    stream: Option<MultiplexedConnection>,
    client: FeedServiceClient<Channel>,
    /// When the producer last said that there is nothing more.
    asked: Option<Instant>,
}

impl Source {
    pub(super) fn new(
        producer: &'static str,
        shard: u32,
        redis: Option<Redis>,
        channel: Channel,
    ) -> Source {
        let client = FeedServiceClient::new(channel);
        Source {
            producer,
            shard,
            redis,
            stream: None,
            client,
            asked: None,
        }
    }

    /// The events that follow a position, without a gap; possibly none, after
    /// a while.
    pub(super) async fn next(&mut self, after: u64) -> Vec<Event> {
        // At first, and while far behind, straight from the producer.
        if self.asked.is_none() {
            return self.ask(after).await;
        }
        match self.look(after).await {
            Seen::Next(events) => events,
            Seen::Silence if self.asked.is_some_and(|asked| asked.elapsed() < BELIEVED) => {
                Vec::new()
            }
            Seen::Silence => self.ask(after).await,
            Seen::Gap => {
                let events = self.ask(after).await;
                if events.is_empty() {
                    // The producer is away, or its stream is of another life.
                    tokio::time::sleep(POLL).await;
                }
                events
            }
            Seen::Nothing => {
                tokio::time::sleep(POLL).await;
                self.ask(after).await
            }
        }
    }

    async fn ask(&mut self, after: u64) -> Vec<Event> {
        let ask = ReadEventsRequest {
            producer: self.producer.to_owned(),
            shard: self.shard,
            after,
            limit: 0,
        };
        match self.client.read_events(ask).await {
            Ok(reply) => {
                let events = reply.into_inner().events;
                self.asked = events.is_empty().then(Instant::now);
                contiguous(after, events)
            }
            Err(status) => {
                let (producer, shard) = (self.producer, self.shard);
                tracing::debug!(producer, shard, %status, "follow: the producer does not answer");
                // The stream may go on; the next silence or gap asks again.
                tokio::time::sleep(POLL).await;
                self.asked.get_or_insert_with(Instant::now);
                Vec::new()
            }
        }
    }

    async fn look(&mut self, after: u64) -> Seen {
        match self.read(after).await {
            Some(Ok(entries)) if entries.is_empty() => Seen::Silence,
            Some(Ok(entries)) => {
                let events = contiguous(after, entries.iter().filter_map(decode).collect());
                if events.is_empty() {
                    Seen::Gap
                } else {
                    Seen::Next(events)
                }
            }
            Some(Err(error)) => {
                tracing::debug!(producer = self.producer, shard = self.shard, %error, "follow: no stream");
                self.stream = None;
                Seen::Nothing
            }
            None => Seen::Nothing,
        }
    }

    /// `None` where there is no Redis to read.
    async fn read(&mut self, after: u64) -> Option<RedisResult<Vec<StreamId>>> {
        let redis = self.redis.as_ref()?;
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => match redis.blocking(BLOCK + SLACK).await {
                Ok(stream) => self.stream.insert(stream),
                Err(error) => return Some(Err(error)),
            },
        };
        let reply: RedisResult<StreamReadReply> = redis::cmd("XREAD")
            .arg("COUNT")
            .arg(BATCH)
            .arg("BLOCK")
            .arg(BLOCK.as_millis().to_string())
            .arg("STREAMS")
            .arg(redis.key(&stream_key(self.producer, self.shard)))
            .arg(format!("{after}-0"))
            .query_async(stream)
            .await;
        Some(reply.map(|reply| {
            reply
                .keys
                .into_iter()
                .flat_map(|stream| stream.ids)
                .collect()
        }))
    }
}

/// `None` for an entry that no relay made: the id is the position of the event.
fn decode(entry: &StreamId) -> Option<Event> {
    let encoded: Vec<u8> = entry.get(EVENT_FIELD)?;
    let event = Event::decode(encoded.as_slice()).ok()?;
    (entry.id == format!("{}-0", event.position)).then_some(event)
}

/// The events up to the first gap.
fn contiguous(after: u64, events: Vec<Event>) -> Vec<Event> {
    let mut expected = after;
    let follows = |event: &Event| {
        expected += 1;
        event.position == expected
    };
    events.into_iter().take_while(follows).collect()
}

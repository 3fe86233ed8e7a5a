//! Following another service's feed, with each event's effect exactly once.

mod apply;
mod source;

use std::time::Duration;

use contract::feed::Event;
use futures::future::join_all;
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge},
};
use rpc::{Channel, Error};
use store::{SHARDS, Store, Tx};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::Redis;
use source::Source;

/// How often an event is tried before it is parked.
const ATTEMPTS: u32 = 5;
/// How often an event waits for locks of others, or for a database that is too
/// slow for it, before that counts as a failure of its own: with the limits of a
/// transaction, minutes.
const HELD_UP: u32 = 10;
/// The first wait after a failure; it doubles up to [`MOST`].
const FIRST: Duration = Duration::from_millis(50);
const MOST: Duration = Duration::from_secs(2);
/// How long to leave a shard to the replica that works it.
const ELSEWHERE: Duration = Duration::from_millis(500);

/// What a service does about the events of another.
#[tonic::async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// The `Event` message of the producer's package. Events of other packages
    /// in the same feed are passed over; `prost_types::Any` takes all.
    type Event: prost::Message + prost::Name + Default;

    /// The service whose feed is followed, such as `identity`.
    const PRODUCER: &'static str;

    /// Tells the cursors of several consumers of one feed in one service apart.
    /// A cursor starts at the first event; another name starts again.
    const NAME: &'static str = "main";

    /// Makes what follows from one event true, in `tx` alone: it is committed
    /// with the cursor, so an effect elsewhere could happen twice. `tx` is in
    /// the tenant of the event, and what it publishes is said to be done by who
    /// did the event. `about` tells who, when and where.
    ///
    /// Events in a row in one tenant share a transaction. An error is tried again, then event by event; after five
    /// times the event is parked and the next ones go on, except while the error
    /// says that something is away.
    async fn apply(&self, tx: &mut Tx, about: &Event, event: Self::Event) -> Result<(), Error>;
}

/// Applies the producer's events to the store until shutdown, each shard in
/// order. Runs in every replica; the lock on the cursor's row makes one of them
/// work a shard at a time. `usher_feed_parked` counts the events that were
/// parked (table `parked`); `usher_feed_age_seconds` is the age of the event
/// that a shard is at.
pub async fn follow<C: Consumer>(
    consumer: C,
    store: Store,
    redis: Option<Redis>,
    producer: Channel,
    shutdown: CancellationToken,
) {
    let meter = opentelemetry::global::meter("usher");
    let parked = meter
        .u64_counter("usher_feed_parked")
        .with_description("Events that a consumer could not apply and went past")
        .build();
    let age = meter
        .i64_gauge("usher_feed_age_seconds")
        .with_description("Age of the event that a consumer is at; 0 where none waits")
        .build();
    let follower = Follower {
        consumer: &consumer,
        store: &store,
        parked,
        age,
    };
    let shards = (0..SHARDS).map(|shard| {
        let source = Source::new(C::PRODUCER, shard, redis.clone(), producer.clone());
        follower.run(shard, source)
    });
    // A transaction that is cut off is rolled back and its event comes again.
    shutdown.run_until_cancelled(join_all(shards)).await;
}

struct Follower<'a, C> {
    consumer: &'a C,
    store: &'a Store,
    parked: Counter<u64>,
    age: Gauge<i64>,
}

impl<C: Consumer> Follower<'_, C> {
    async fn run(&self, shard: u32, mut source: Source) {
        let mut failures = 0;
        loop {
            // Read again whenever something was not as expected.
            match self.cursor(shard).await {
                Ok(cursor) => {
                    failures = 0;
                    self.advance(shard, cursor, &mut source).await;
                }
                Err(error) => {
                    failures += 1;
                    self.log("cannot read the cursor", shard, &error);
                    tokio::time::sleep(backoff(failures)).await;
                }
            }
        }
    }

    /// Applies event after event for as long as this replica is the one that
    /// moves the cursor.
    async fn advance(&self, shard: u32, mut cursor: u64, source: &mut Source) {
        loop {
            let events = source.next(cursor).await;
            let mut rest = events.as_slice();
            while let Some(first) = rest.first() {
                self.at(shard, Some(first));
                let run = apply::run(rest);
                if !self.settle_all(shard, run).await {
                    self.at(shard, None);
                    return tokio::time::sleep(ELSEWHERE).await;
                }
                cursor = run.last().map_or(cursor, |last| last.position);
                rest = &rest[run.len()..];
            }
            self.at(shard, None);
        }
    }

    /// Applies a run at once, or, where that fails, event by event, which finds
    /// the one that is to blame. False where another replica works this shard.
    async fn settle_all(&self, shard: u32, run: &[Event]) -> bool {
        if run.len() > 1 {
            match self.apply(run).await {
                Ok(moved) => return moved,
                Err(error) => self.log("a run of events is tried one by one", shard, &error),
            }
        }
        for event in run {
            if !self.settle(shard, event).await {
                return false;
            }
        }
        true
    }

    /// Applies an event or parks it. False where another replica works this
    /// shard, or has by now.
    async fn settle(&self, shard: u32, event: &Event) -> bool {
        let mut failures = 0;
        let mut outages = 0;
        let mut held_up = 0;
        let mut last = None;
        loop {
            self.at(shard, Some(event));
            let result = match &last {
                Some(error) if failures >= ATTEMPTS => self.park(event, failures, error).await,
                _ => self.apply(std::slice::from_ref(event)).await,
            };
            match result {
                Ok(moved) => return moved,
                Err(error) if is_held_up(&error) && held_up < HELD_UP => {
                    held_up += 1;
                    self.log("an event is held up", shard, &error);
                    tokio::time::sleep(backoff(held_up)).await;
                }
                Err(error) if is_outage(&error) => {
                    outages += 1;
                    self.log("an event waits for something that is away", shard, &error);
                    tokio::time::sleep(backoff(outages)).await;
                }
                Err(error) => {
                    failures += 1;
                    self.log("an event cannot be applied", shard, &error);
                    last = Some(error);
                    if failures < ATTEMPTS {
                        tokio::time::sleep(backoff(failures)).await;
                    }
                }
            }
        }
    }

    /// Tells the age of the event that a shard is at, if at any.
    fn at(&self, shard: u32, event: Option<&Event>) {
        let occurred = event.and_then(|event| event.occur_time);
        let age = occurred.map_or(0, |time| {
            let now = self.store.clock().now().timestamp();
            now.saturating_sub(time.seconds).max(0)
        });
        let [service, consumer, producer] = self.labels();
        let shard = KeyValue::new("shard", i64::from(shard));
        self.age.record(age, &[service, consumer, producer, shard]);
    }

    fn labels(&self) -> [KeyValue; 3] {
        [
            KeyValue::new("service", self.store.service()),
            KeyValue::new("consumer", C::NAME),
            KeyValue::new("producer", C::PRODUCER),
        ]
    }

    fn log(&self, what: &'static str, shard: u32, error: &Error) {
        let (service, producer) = (self.store.service(), C::PRODUCER);
        tracing::warn!(service, producer, shard, code = ?error.code(), %error, "follow: {what}");
    }
}

/// Whether something was in the way, or slow: now and then of any event, but for
/// ever of none. Statement timeout, lock timeout, serialization failure,
/// deadlock.
fn is_held_up(error: &Error) -> bool {
    matches!(
        error.sqlstate().as_deref(),
        Some("57014" | "55P03" | "40001" | "40P01")
    )
}

/// Whether the event is not to blame.
fn is_outage(error: &Error) -> bool {
    !is_held_up(error) && matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded)
}

fn backoff(times: u32) -> Duration {
    FIRST
        .saturating_mul(1 << (times.saturating_sub(1)).min(10))
        .min(MOST)
}

//! Two services: one that publishes facts, and one that counts them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use contract::{Id, feed::Event, identity::Tenant};
use feed::{Consumer, Redis};
use rpc::{Because as _, Caller, Channel, Error};
use sqlx::{Executor as _, PgConnection};
use store::{Store, Tx};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Status,
    service::{Routes, interceptor::InterceptedService},
};

use crate::database::{Database, caller, setting};

pub const PRODUCER: &str = "writers";
const EFFECTS: &str = "
    CREATE TABLE effects (
        tenant_id uuid NOT NULL, event_id uuid NOT NULL, number bigint NOT NULL,
        place bigint GENERATED ALWAYS AS IDENTITY);
    CREATE INDEX ON effects (tenant_id);
    SELECT tenant_table('effects');";

/// The event of the writers.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Fact {
    #[prost(uint64, tag = "1")]
    pub number: u64,
}

impl prost::Name for Fact {
    const NAME: &'static str = "Event";
    const PACKAGE: &'static str = "usher.test.v1";
}

pub struct Stage {
    pub database: Database,
    pub writers: Store,
    pub readers: Store,
    pub prefix: String,
}

impl Stage {
    pub async fn new(connections: u32) -> Stage {
        let database = Database::new().await;
        let writers = database
            .service(PRODUCER, "SELECT clock()", connections)
            .await;
        let readers = database.service("readers", EFFECTS, 12).await;
        let prefix = format!("test:{}:", Id::<()>::new());
        Stage {
            database,
            writers,
            readers,
            prefix,
        }
    }

    pub fn redis(&self) -> Redis {
        Redis::new(&setting("USHER_TEST_REDIS"), &self.prefix).expect("a URL")
    }

    pub fn relay(&self, redis: Option<Redis>) -> Running {
        Running(tokio::spawn(feed::relay(
            self.writers.clone(),
            redis,
            CancellationToken::new(),
        )))
    }

    pub fn reader(&self, redis: Option<Redis>) -> Running {
        self.reader_with(redis, Counting::default())
    }

    pub fn reader_with(&self, redis: Option<Redis>, consumer: Counting) -> Running {
        let channel = channel(&self.writers);
        Running(tokio::spawn(feed::follow(
            consumer,
            self.readers.clone(),
            redis,
            channel,
            CancellationToken::new(),
        )))
    }

    /// Commits a fact in a tenant.
    pub async fn write(&self, tenant: Id<Tenant>, number: u64) {
        write(&self.writers, tenant, number).await;
    }

    /// Commits facts of one origin, together.
    pub async fn write_all(&self, caller: &Caller, numbers: std::ops::Range<u64>) {
        let tenant = caller.tenant.expect("somewhere");
        let mut tx = self.writers.tenant(tenant, caller).await.expect("begun");
        for number in numbers {
            tx.publish(Fact { number });
        }
        tx.done().await.expect("committed");
    }

    pub async fn admin(&self) -> PgConnection {
        self.database.admin("writers, readers").await
    }

    /// How many events were committed, how many effects there are, and of how
    /// many different events.
    pub async fn counts(&self, db: &mut PgConnection) -> (i64, i64, i64) {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM writers.outbox), count(*), count(DISTINCT event_id) FROM readers.effects",
        )
        .fetch_one(db)
        .await
        .expect("counted")
    }

    /// Waits until so many events have had an effect.
    pub async fn until_effects(&self, db: &mut PgConnection, expected: i64, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let (events, _, distinct) = self.counts(db).await;
            if distinct >= expected {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{distinct} of {events} events have an effect after {within:?}"
            );
            // Between two looks; what is waited for does not take a fixed time.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub async fn write(store: &Store, tenant: Id<Tenant>, number: u64) {
    let mut tx = store.tenant(tenant, &caller(tenant)).await.expect("begun");
    tx.publish(Fact { number });
    tx.done().await.expect("committed");
}

/// A task that ends with its handle, as a process does when it is killed.
pub struct Running(pub JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Writes down each event. Fails for some numbers.
#[derive(Default)]
pub struct Counting {
    /// This number is never taken.
    pub poison: Option<u64>,
    /// This number meets something that is away, so many times.
    pub outage: Option<(u64, Arc<AtomicU32>)>,
    /// This number takes longer than a statement may.
    pub slow: Option<u64>,
    /// This number needs what somebody else has locked.
    pub locked: Option<u64>,
    /// This number makes the consumer panic.
    pub panic: Option<u64>,
    /// Publishes each event again.
    pub echo: bool,
}

#[tonic::async_trait]
impl Consumer for Counting {
    type Event = Fact;
    const PRODUCER: &'static str = PRODUCER;

    async fn apply(&self, tx: &mut Tx, about: &Event, fact: Fact) -> Result<(), Error> {
        sqlx::query("INSERT INTO effects (tenant_id, event_id, number) VALUES ($1, $2::uuid, $3)")
            .bind(tx.tenant_id())
            .bind(&about.id)
            .bind(fact.number.cast_signed())
            .execute(&mut **tx)
            .await?;
        if self.echo {
            tx.publish(fact.clone());
        }
        if self.slow == Some(fact.number) {
            tx.execute("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(1)")
                .await?;
        }
        if self.locked == Some(fact.number) {
            tx.execute("SET LOCAL lock_timeout = '1ms'; SELECT pg_advisory_xact_lock(60)")
                .await?;
        }
        // Only now, to see that the effect is taken back.
        if self.poison == Some(fact.number) {
            return Err(contract::errors::ErrorReason::FieldInvalid.because("poison"));
        }
        assert!(self.panic != Some(fact.number), "a panicking consumer");
        match &self.outage {
            Some((number, left)) if *number == fact.number && left.load(SeqCst) > 0 => {
                left.fetch_sub(1, SeqCst);
                Err(Error::unavailable("a part", std::io::Error::other("away")))
            }
            _ => Ok(()),
        }
    }
}

/// The writers' feed, as a service of the suite reaches it.
pub fn channel(writers: &Store) -> Channel {
    let served = InterceptedService::new(feed::serve(writers.clone(), PRODUCER), as_reader);
    Channel::local(Routes::new(served).prepare())
}

/// What the access layer does.
#[expect(clippy::unnecessary_wraps, reason = "an interceptor may refuse")]
fn as_reader(mut request: Request<()>) -> Result<Request<()>, Status> {
    request
        .extensions_mut()
        .insert(Caller::system("readers", Id::new()));
    Ok(request)
}

//! Redis as a hint: fast where it answers, and never in the way where it does
//! not.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError,
    RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
};
use rpc::Error;
use tokio::time::{Instant, timeout};

/// The most that a call costs a caller when Redis does not answer (B-64).
const PATIENCE: Duration = Duration::from_millis(100);
/// How long calls fail at once after one has gone unanswered.
const DOWN: Duration = Duration::from_millis(500);

/// A handle on Redis. Cheap to clone; connects when first used, and again when
/// the connection is lost. An error means: do without.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    prefix: String,
    connection: OnceLock<ConnectionManager>,
    origin: Instant,
    /// Microseconds after `origin` until which Redis counts as away.
    down_until: AtomicU64,
}

impl Redis {
    /// A handle on the Redis at a URL such as `redis://localhost:6379`. Every
    /// key made by [`Redis::key`] starts with the prefix, which may be empty.
    /// Fails only where the URL is none.
    pub fn new(url: &str, prefix: &str) -> Result<Redis, Error> {
        let shared = Shared {
            client: Client::open(url)?,
            prefix: prefix.to_owned(),
            connection: OnceLock::new(),
            origin: Instant::now(),
            down_until: AtomicU64::new(0),
        };
        Ok(Redis {
            shared: Arc::new(shared),
        })
    }

    /// The full name of a key.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.shared.prefix)
    }

    /// Sends one command.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        self.call(async |mut connection| command.query_async(&mut connection).await)
            .await
    }

    /// Sends several commands at once.
    pub async fn pipeline<T: FromRedisValue>(&self, commands: &Pipeline) -> RedisResult<T> {
        self.call(async |mut connection| commands.query_async(&mut connection).await)
            .await
    }

    /// Gives a connection to `f`, a script for example, for at most 100 ms.
    /// While Redis is known to be away, fails at once.
    pub async fn call<T, F>(&self, f: impl FnOnce(ConnectionManager) -> F) -> RedisResult<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        if self.is_down() {
            return Err(away("redis was away a moment ago"));
        }
        let result = match timeout(PATIENCE, f(self.connection()?)).await {
            Ok(result) => result,
            Err(_) => Err(away("redis did not answer in time")),
        };
        if result
            .as_ref()
            .is_err_and(|error| error.is_io_error() || error.is_unrecoverable_error())
        {
            self.mark_down();
        }
        result
    }

    /// Whether Redis failed to answer within the last half second.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.micros() < self.shared.down_until.load(Relaxed)
    }

    /// A connection of its own for commands that block, which would hold up
    /// all others on the shared one. `patience` bounds the wait for a reply.
    pub(crate) async fn blocking(&self, patience: Duration) -> RedisResult<MultiplexedConnection> {
        if self.is_down() {
            return Err(away("redis was away a moment ago"));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE * 2))
            .set_response_timeout(Some(patience));
        let made = self
            .shared
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await;
        made.inspect_err(|_| self.mark_down())
    }

    /// Made at the first use, because the driver of the connection is a task of
    /// the runtime that makes it.
    fn connection(&self) -> RedisResult<ConnectionManager> {
        if let Some(connection) = self.shared.connection.get() {
            return Ok(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            // Trying again is up to the next caller, after DOWN.
            .set_number_of_retries(0)
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(PATIENCE));
        let made = ConnectionManager::new_lazy_with_config(self.shared.client.clone(), config)?;
        Ok(self.shared.connection.get_or_init(|| made).clone())
    }

    fn mark_down(&self) {
        let until = self.micros() + u64::try_from(DOWN.as_micros()).unwrap_or_default();
        self.shared.down_until.store(until, Relaxed);
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.shared.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Redis {
    /// Without the URL, which may hold a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Redis")
            .field("prefix", &self.shared.prefix)
            .finish_non_exhaustive()
    }
}

fn away(why: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Io, why))
}

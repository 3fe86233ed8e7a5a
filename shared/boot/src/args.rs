//! What every process can be told: flags, each with its environment variable.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};
use http::Uri;

use crate::{Misconfigured, Redis, secret::Secret};

/// How a process listens, logs, reports and stops.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// Address and port of the gRPC server. Port 0 takes a free one
    #[arg(long, env = "USHER_LISTEN", default_value = "127.0.0.1:7400")]
    pub listen: SocketAddr,
    /// Address and port of /metrics (Prometheus), /healthz and /readyz, over
    /// HTTP/1.1. Never make it reachable from outside
    #[arg(long, env = "USHER_OPS_LISTEN", default_value = "127.0.0.1:7401")]
    pub ops_listen: SocketAddr,
    /// Threads that answer calls, each with its own runtime and its own share
    /// of the port. 0: one per core
    #[arg(long, env = "USHER_RPC_THREADS", default_value_t = 0, value_parser = at_most(1024))]
    pub rpc_threads: u64,
    /// What is logged: a level (error, warn, info, debug, trace) or a list
    /// such as `info,sqlx=warn`
    #[arg(long, env = "USHER_LOG", default_value = "info", value_parser = log_filter)]
    pub log: String,
    /// How it is logged, on stdout: one JSON object per line, or text for
    /// development
    #[arg(long, env = "USHER_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// Where traces and metrics go by OTLP over gRPC, such as
    /// `http://collector:4317`. Unset: nowhere
    #[arg(long, env = "USHER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Uri>,
    /// The share of traces that are recorded, from 0 to 1. Give all services
    /// the same
    #[arg(long, env = "USHER_TRACE_RATIO", default_value_t = 1.0, value_parser = ratio)]
    pub trace_ratio: f64,
    /// Seconds between "not ready" and the end of accepting, so that load
    /// balancers notice first. Unset: 5 with --log-format json, 0 with text
    #[arg(long, env = "USHER_DRAIN_WAIT_SECONDS", value_parser = at_most(600))]
    pub drain_wait_seconds: Option<u64>,
    /// Seconds that calls in flight are given to end at exit; what runs
    /// longer is cut off
    #[arg(long, env = "USHER_DRAIN_SECONDS", default_value_t = 20, value_parser = at_most(3600))]
    pub drain_seconds: u64,
    /// The bounds of HTTP/2.
    #[command(flatten)]
    pub http2: Http2Args,
}

impl RedisArgs {
    /// The handle; none where no URL is given.
    pub fn open(&self) -> Result<Option<Redis>, Misconfigured> {
        let Some(url) = &self.redis_url else {
            return Ok(None);
        };
        match Redis::new(url.reveal(), &self.redis_prefix) {
            Ok(redis) => Ok(Some(redis)),
            Err(_) => Err(Misconfigured::new(
                "--redis-url (USHER_REDIS_URL)",
                "is no URL of a Redis. Give one like redis://host:6379",
            )),
        }
    }
}

impl ProcessArgs {
    /// The pause between "not ready" and the end of accepting.
    #[must_use]
    pub fn drain_wait(&self) -> Duration {
        let unset = match self.log_format {
            LogFormat::Json => 5,
            LogFormat::Text => 0,
        };
        Duration::from_secs(self.drain_wait_seconds.unwrap_or(unset))
    }

    /// How many threads answer calls.
    #[must_use]
    pub fn rpc_threads(&self) -> usize {
        match usize::try_from(self.rpc_threads) {
            Ok(0) | Err(_) => {
                std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
            }
            Ok(given) => given,
        }
    }
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// What one connection, and all together, may take. Each bound is explicit:
/// libraries leave several of them off.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP/2")]
pub struct Http2Args {
    /// Connections at a time; one more is closed at once
    #[arg(long, env = "USHER_MAX_CONNECTIONS", default_value_t = 10_000)]
    pub max_connections: u32,
    /// Calls at a time on one connection. Unset: 200 where anybody may call,
    /// 4096 for a service alone, which few connections of the suite call
    #[arg(long, env = "USHER_MAX_CONCURRENT_STREAMS")]
    pub max_concurrent_streams: Option<u32>,
    /// Bytes of the headers of one call
    #[arg(long, env = "USHER_MAX_HEADER_BYTES", default_value_t = 16_384)]
    pub max_header_bytes: u32,
    /// Seconds after which a connection is closed gracefully, give or take a
    /// tenth, so that clients spread over new replicas
    #[arg(long, env = "USHER_MAX_CONNECTION_AGE_SECONDS", default_value_t = 1800)]
    pub max_connection_age_seconds: u64,
    /// Seconds that a connection which is closed gracefully is given for its
    /// calls to end; then it is cut. More than the ten minutes that the longest
    /// streams may last
    #[arg(
        long,
        env = "USHER_MAX_CONNECTION_GRACE_SECONDS",
        default_value_t = 660
    )]
    pub max_connection_grace_seconds: u64,
    /// Seconds without any call after which a connection is closed gracefully
    #[arg(long, env = "USHER_MAX_CONNECTION_IDLE_SECONDS", default_value_t = 300)]
    pub max_connection_idle_seconds: u64,
    /// Seconds in which a new connection must begin its first call
    #[arg(long, env = "USHER_FIRST_CALL_SECONDS", default_value_t = 8)]
    pub first_call_seconds: u64,
    /// Seconds of silence after which the other end is asked for a sign of
    /// life
    #[arg(long, env = "USHER_KEEPALIVE_SECONDS", default_value_t = 30)]
    pub keepalive_seconds: u64,
    /// Seconds in which that sign must come
    #[arg(long, env = "USHER_KEEPALIVE_TIMEOUT_SECONDS", default_value_t = 10)]
    pub keepalive_timeout_seconds: u64,
}

/// What the server stack of a service takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Calls")]
pub struct CallArgs {
    /// Calls in flight in this process before one more is refused with
    /// OVERLOADED
    #[arg(long, env = "USHER_MAX_IN_FLIGHT", default_value_t = 4096)]
    pub max_in_flight: usize,
    /// Milliseconds that a call may take where the caller sets no deadline;
    /// streams have none then
    #[arg(long, env = "USHER_DEFAULT_DEADLINE_MS", default_value_t = 10_000)]
    pub default_deadline_ms: u64,
    /// Milliseconds that a call may take at most, whatever deadline the caller
    /// sets; not for streams
    #[arg(long, env = "USHER_MAX_DEADLINE_MS", default_value_t = 60_000)]
    pub max_deadline_ms: u64,
}

/// Where Redis is. Redis is a hint: where it is away, Usher is slower and
/// loses nothing.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stores")]
pub struct RedisArgs {
    /// Redis or Valkey, such as `redis://host:6379`. Unset: services poll
    /// Postgres instead
    #[arg(long, env = "USHER_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<Secret>,
    /// What every key in Redis begins with, before `usher:`; for installations
    /// that share one Redis
    #[arg(long, env = "USHER_REDIS_PREFIX", default_value = "")]
    pub redis_prefix: String,
}

/// Where a service keeps its data.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stores")]
pub struct StoreArgs {
    /// Postgres: server, database and password, such as
    /// `postgres://:password@host/usher`. The login is always the service's
    /// own role, `usher_<service>`
    #[arg(long, env = "USHER_POSTGRES_URL", hide_env_values = true)]
    pub postgres_url: Secret,
    /// Postgres as an administrator: roles, schema and tables are made or
    /// brought up to date before the start. For development; elsewhere run
    /// `usherctl migrate`
    #[arg(long, env = "USHER_MIGRATE_URL", hide_env_values = true)]
    pub migrate_url: Option<Secret>,
    /// The most connections to Postgres of one service
    #[arg(long, env = "USHER_POSTGRES_CONNECTIONS", default_value_t = 10)]
    pub postgres_connections: u32,
    /// 32 random bytes in base64, which open the root key of each service in
    /// its schema. Losing them loses what is sealed and hashed. Make one:
    /// head -c 32 /dev/urandom | base64. To change it, start everything with
    /// `new,former`, then with the new one alone, which ends the former
    #[arg(
        long,
        env = "USHER_SECRET",
        hide_env_values = true,
        conflicts_with = "secret_file"
    )]
    pub secret: Option<Secret>,
    /// A file that holds that secret; a former one in the next line
    #[arg(long, env = "USHER_SECRET_FILE")]
    pub secret_file: Option<std::path::PathBuf>,
}

/// Where the other services are, in a process of their own each.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Peers")]
pub struct PeerArgs {
    /// Where identity answers, such as `http://identity:7400`
    #[arg(
        long,
        env = "USHER_IDENTITY_URI",
        default_value = "http://127.0.0.1:7410"
    )]
    pub identity_uri: Uri,
    /// Where authorization answers
    #[arg(
        long,
        env = "USHER_AUTHORIZATION_URI",
        default_value = "http://127.0.0.1:7420"
    )]
    pub authorization_uri: Uri,
    /// Where invitation answers
    #[arg(
        long,
        env = "USHER_INVITATION_URI",
        default_value = "http://127.0.0.1:7430"
    )]
    pub invitation_uri: Uri,
    /// Where importer answers
    #[arg(
        long,
        env = "USHER_IMPORTER_URI",
        default_value = "http://127.0.0.1:7440"
    )]
    pub importer_uri: Uri,
    /// The key by which this service proves itself to the others; identity
    /// knows its SHA-256 by --service-keys. Make one: head -c 32 /dev/urandom | base64
    #[arg(long, env = "USHER_SERVICE_KEY", hide_env_values = true)]
    pub service_key: Secret,
}

fn at_most(most: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(0..=most)
}

fn ratio(given: &str) -> Result<f64, String> {
    match given.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err("give a number from 0 to 1".into()),
    }
}

fn log_filter(given: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(given)
        .map(|_| given.to_owned())
        .map_err(|error| error.to_string())
}

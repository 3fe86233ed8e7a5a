//! The pool, and the ways to begin a transaction.

use std::{fmt::Write as _, str::FromStr as _, sync::Arc, time::Duration};

use contract::{Id, identity::Tenant};
use rpc::{Caller, Error};
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Row as _, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Clock, Keys, Page, Tx, outbox::Actor, replay::Request};

/// How long a caller waits for a connection before it hears UNAVAILABLE.
const ACQUIRE: Duration = Duration::from_secs(2);

/// The tables of one service. Cheap to clone; all clones share the pool.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pool: PgPool,
    service: &'static str,
    keys: Keys,
    clock: Clock,
    committed: watch::Sender<()>,
}

/// What a transaction may do.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Read,
    Write,
    Worker,
}

impl Store {
    /// Opens the store of a service with at most `max` connections. The URL
    /// says server, database and password; the login is always the service's
    /// own role `usher_<service>`, so that nobody runs as a role that row level
    /// security does not bind. Connections are made when first needed: the
    /// service starts while Postgres is away, and [`Store::ping`] tells.
    #[expect(
        clippy::unused_async,
        reason = "callers await it, so that connecting early stays possible"
    )]
    pub async fn connect(
        url: &str,
        service: &'static str,
        keys: Keys,
        clock: Clock,
        max: u32,
    ) -> Result<Store, Error> {
        let options = login(url, service)?;
        let pool = PgPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(ACQUIRE)
            // A third of the throughput; `open` copes with dead connections.
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(refuse_privileged(connection)))
            .connect_lazy_with(options);
        let (committed, _) = watch::channel(());
        Ok(Store {
            shared: Arc::new(Shared {
                pool,
                service,
                keys,
                clock,
                committed,
            }),
        })
    }

    /// A transaction that only reads, in the caller's tenant.
    pub async fn read(&self, caller: &Caller) -> Result<Tx, Error> {
        self.scoped(Mode::Read, caller.tenant()?, caller).await
    }

    /// A transaction that carries out a request in the caller's tenant. Where
    /// the request has a request id, it has waited for other uses of the same
    /// id, and [`Tx::replay`] answers their reply; the same id with another
    /// request is refused with `REQUEST_ID_REUSED`.
    pub async fn begin<M: contract::Request>(&self, caller: &Caller, ask: &M) -> Result<Tx, Error> {
        let tenant = caller.tenant()?;
        let request = Request::of(self.keys(), tenant.uuid(), caller, ask)?;
        let mut tx = self.scoped(Mode::Write, tenant, caller).await?;
        if let Some(request) = request {
            tx.claim(request).await?;
        }
        Ok(tx)
    }

    /// A transaction in a tenant that was found by other means than the
    /// caller: public methods, such as logging in, and consumers of events.
    pub async fn tenant(&self, tenant: Id<Tenant>, caller: &Caller) -> Result<Tx, Error> {
        self.scoped(Mode::Write, tenant, caller).await
    }

    /// A transaction that sees every tenant: for background work, and for
    /// finding the tenant of a token. What it publishes is said to be done by
    /// the service itself; [`Tx::switch_tenant`] says in which tenant.
    pub async fn worker(&self) -> Result<Tx, Error> {
        let sql = self.open(Mode::Worker, None).await?;
        let actor = Actor {
            service: Some(self.shared.service.into()),
            ..Actor::default()
        };
        Ok(Tx::new(sql, self.clone(), None, actor))
    }

    /// The page that a request asks for. Its tokens are good for the same list
    /// alone: the same request of the same caller.
    pub fn page<M: contract::Paged>(&self, caller: &Caller, ask: &M) -> Result<Page, Error> {
        Page::open(
            self.keys(),
            caller,
            &M::full_name(),
            ask.page_size(),
            ask.page_token(),
            &ask.of_any_page().encode_to_vec(),
        )
    }

    /// The keys of the service.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// The clock of the service.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The name of the service, which is the name of its schema.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.shared.service
    }

    /// Whether Postgres answers and the service's schema was set up. Sets the
    /// clock by Postgres's.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut tx = self.worker().await?;
        sqlx::query("SELECT clock()").execute(&mut *tx).await?;
        let asked = self.clock().machine();
        let told = sqlx::query_scalar("SELECT clock_timestamp()");
        self.clock().set_by(told.fetch_one(&mut *tx).await?, asked);
        Ok(())
    }

    /// Hears of every commit of this process that published events. Only the
    /// fact is told, and several commits may be told once.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<()> {
        self.shared.committed.subscribe()
    }

    pub(crate) fn tell_committed(&self) {
        self.shared.committed.send_replace(());
    }

    async fn scoped(&self, mode: Mode, tenant: Id<Tenant>, caller: &Caller) -> Result<Tx, Error> {
        let sql = self.open(mode, Some(tenant.uuid())).await?;
        Ok(Tx::new(sql, self.clone(), Some(tenant), Actor::of(caller)))
    }

    /// Begins, on the first connection that is alive: after a restart of
    /// Postgres every idle one is dead, and beginning again does no harm.
    async fn open(
        &self,
        mode: Mode,
        tenant: Option<Uuid>,
    ) -> Result<Transaction<'static, Postgres>, Error> {
        let statement: Arc<str> = self.opening(mode, tenant).into();
        let mut spare = self.shared.pool.size();
        loop {
            match self
                .shared
                .pool
                .begin_with(AssertSqlSafe(statement.clone()))
                .await
            {
                Err(error) if spare > 0 && is_broken(&error) => spare -= 1,
                begun => return Ok(begun?),
            }
        }
    }

    /// What begins a transaction, in one round trip by the simple protocol.
    /// Only UUIDs, integers and the service's name are formatted in, so there
    /// is nothing to inject.
    ///
    /// It starts with ROLLBACK: sqlx does not know of a transaction whose
    /// beginning was cancelled or failed half way, and hands the connection to
    /// the next one with the tenant or even the worker role still set.
    fn opening(&self, mode: Mode, tenant: Option<Uuid>) -> String {
        let mut sql = String::from("ROLLBACK; BEGIN");
        match mode {
            Mode::Read => sql.push_str(" READ ONLY"),
            Mode::Write => {}
            Mode::Worker => {
                let _ = write!(sql, "; SET LOCAL ROLE usher_{}_worker", self.shared.service);
            }
        }
        if let Some(tenant) = tenant {
            let _ = write!(sql, "; SET LOCAL usher.tenant = '{tenant}'");
        }
        match self.shared.clock.offset_micros() {
            0 => {}
            offset => {
                let _ = write!(sql, "; SET LOCAL usher.clock = '{offset}'");
            }
        }
        sql
    }
}

/// How a service logs in, always as its own role.
pub(crate) fn login(url: &str, service: &'static str) -> Result<PgConnectOptions, Error> {
    Ok(PgConnectOptions::from_str(url)?
        .username(&format!("usher_{service}"))
        .application_name(service)
        .options([
            ("search_path", service),
            ("statement_timeout", "15s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "30s"),
            // Compiling a query takes longer than any of ours runs.
            ("jit", "off"),
            // Each transaction begins with a ROLLBACK (see `opening`),
            // which warns where there is nothing to roll back.
            ("client_min_messages", "error"),
        ]))
}

/// Whether the connection is of no more use, while a new one might be.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => true,
        // 57P: the server was shut down, crashed, or ended this connection.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// A role that row level security does not bind would see every tenant.
async fn refuse_privileged(db: &mut sqlx::PgConnection) -> sqlx::Result<()> {
    let row = sqlx::query(
        "SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user",
    )
    .fetch_one(db)
    .await?;
    if row.try_get::<bool, _>(0)? {
        return Err(sqlx::Error::Configuration(
            "the service's role is a superuser or bypasses row level security".into(),
        ));
    }
    Ok(())
}

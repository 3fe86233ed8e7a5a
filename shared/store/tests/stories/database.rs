//! A database of its own for each test.

use contract::{Id, identity::Tenant};
use rpc::Caller;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use store::{Clock, Keys, Store};

/// A database on the server of `USHER_TEST_POSTGRES`, dropped with the value.
pub struct Database {
    admin: String,
    name: String,
}

impl Database {
    pub async fn new() -> Database {
        let admin = setting("USHER_TEST_POSTGRES");
        let name = format!("usher_test_{}", Id::<()>::new().uuid().simple());
        execute(&admin, format!("CREATE DATABASE {name}")).await;
        Database { admin, name }
    }

    /// The address of the database, for the administrator.
    pub fn url(&self) -> String {
        let (server, rest) = self
            .admin
            .rsplit_once('/')
            .expect("the URL names a database");
        let options = rest.find('?').map_or("", |at| &rest[at..]);
        format!("{server}/{}{options}", self.name)
    }

    /// A service whose only migration is `sql`.
    pub async fn service(
        &self,
        service: &'static str,
        sql: &'static str,
        connections: u32,
    ) -> Store {
        self.service_at(service, sql, connections, Clock::system())
            .await
    }

    pub async fn service_at(
        &self,
        service: &'static str,
        sql: &'static str,
        max: u32,
        clock: Clock,
    ) -> Store {
        store::migrate(&self.url(), service, &migrator(sql), None)
            .await
            .expect("migrated");
        let keys = Keys::new(&[7; 32]);
        Store::connect(&self.url(), service, keys, clock, max)
            .await
            .expect("a store")
    }

    /// A connection as administrator, with the service's tables in sight.
    pub async fn admin(&self, service: &str) -> PgConnection {
        let mut db = PgConnection::connect(&self.url()).await.expect("connected");
        db.execute(AssertSqlSafe(format!("SET search_path = {service}")))
            .await
            .expect("set");
        db
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // A thread of its own: the test's runtime may be at its end.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(execute(
                &admin,
                format!("DROP DATABASE {name} WITH (FORCE)"),
            ));
        });
        let _ = dropping.join();
    }
}

/// A setting of the test run.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no command line to get it from"
)]
pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo dev test`"))
}

pub fn migrator(sql: &'static str) -> Migrator {
    let kind = MigrationType::Simple;
    Migrator::with_migrations(vec![Migration::new(
        1,
        "test".into(),
        kind,
        sql.into_sql_str(),
        false,
    )])
}

/// Somebody in a tenant.
pub fn caller(tenant: Id<Tenant>) -> Caller {
    Caller::acting("test", tenant, Some(Id::new()))
}

async fn execute(url: &str, sql: String) {
    let mut db = PgConnection::connect(url)
        .await
        .expect("USHER_TEST_POSTGRES answers");
    db.execute(AssertSqlSafe(sql)).await.expect("done");
}

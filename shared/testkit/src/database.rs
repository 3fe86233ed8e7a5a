//! A fresh database for each test, copied from a migrated template.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// The database that `cargo dev test` migrates once.
const TEMPLATE: &str = "usher_template";

/// The password of every service's role in test databases.
pub const ROLE_PASSWORD: &str = "usher-test";

/// A database of its own, with every service's schema, empty.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Copies the template.
    ///
    /// # Panics
    /// When there is no test server: run tests with `cargo dev test`.
    pub async fn fresh() -> Self {
        let server = environment("USHER_TEST_POSTGRES");
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let sql = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
        let database = Self { server, name };
        database.admin("postgres", &sql).await;
        database
    }

    /// The address of the database for a service: `{service}` in it stands for
    /// the service's name.
    #[must_use]
    pub fn url(&self) -> String {
        self.address(&format!("usher_{{service}}:{ROLE_PASSWORD}"), &self.name)
    }

    /// The address for an administrator, who is above all rules.
    #[must_use]
    pub fn admin_url(&self) -> String {
        replace_database(&self.server, &self.name)
    }

    /// A connection as administrator, for looking at what no RPC shows.
    ///
    /// # Panics
    /// When the server is gone.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.admin_url())
            .await
            .unwrap_or_else(|error| panic!("no Postgres: {error}"))
    }

    /// Drops the database; without this it goes with the test server.
    pub async fn drop(self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        self.admin("postgres", &sql).await;
    }

    async fn admin(&self, database: &str, sql: &str) {
        let url = replace_database(&self.server, database);
        let mut connection = PgConnection::connect(&url)
            .await
            .unwrap_or_else(|error| panic!("no Postgres: {error}"));
        // Names are made here, of letters and digits.
        connection
            .execute(AssertSqlSafe(sql.to_owned()))
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn address(&self, user: &str, database: &str) -> String {
        let (scheme, rest) = self
            .server
            .split_once("://")
            .unwrap_or_else(|| panic!("USHER_TEST_POSTGRES is no URL"));
        let host = rest.split_once('@').map_or(rest, |(_, host)| host);
        replace_database(&format!("{scheme}://{user}@{host}"), database)
    }
}

/// The address of the Redis of the tests, and a key prefix of its own.
///
/// # Panics
/// When there is no test server.
#[must_use]
pub fn redis() -> (String, String) {
    (
        environment("USHER_TEST_REDIS"),
        format!("test:{}:", uuid::Uuid::new_v4().simple()),
    )
}

/// A variable that `cargo dev test` sets.
///
/// # Panics
/// When it is not set.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration but their environment"
)]
pub fn environment(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo dev test`"))
}

fn replace_database(url: &str, database: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, String::new()), |(base, query)| {
            (base, format!("?{query}"))
        });
    let end = base.find("://").map_or(0, |at| at + 3);
    let host_end = base[end..].find('/').map_or(base.len(), |at| end + at);
    format!("{}/{database}{query}", &base[..host_end])
}

//! What a service's roles may do, and that migrations may meet each other.

use std::borrow::Cow;

use contract::Id;
use futures::future::join_all;
use sqlx::{Executor as _, error::DatabaseError};

use crate::database::{Database, caller, migrator};

const THINGS: &str = "
    CREATE TABLE things (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
    SELECT tenant_table('things');
    CREATE TABLE log (line text NOT NULL);
    REVOKE UPDATE, DELETE ON log FROM usher_things;";

#[tokio::test]
async fn b_22_the_service_role_owns_nothing_and_bypasses_nothing() {
    let database = Database::new().await;
    database.service("things", THINGS, 1).await;
    let mut db = database.admin("things").await;
    let privileged: Vec<String> = sqlx::query_scalar(
        "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'usher\\_things%'
         AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
    )
    .fetch_all(&mut db)
    .await
    .expect("asked");
    assert!(privileged.is_empty(), "{privileged:?}");
    let owned: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM pg_class WHERE relowner::regrole::text LIKE 'usher_things%')
              + (SELECT count(*) FROM pg_namespace WHERE nspowner::regrole::text LIKE 'usher_things%')",
    )
    .fetch_one(&mut db)
    .await
    .expect("asked");
    assert_eq!(owned, 0);
    let creates: Vec<String> = sqlx::query_scalar(
        "SELECT nspname::text FROM pg_namespace
         WHERE has_schema_privilege('usher_things', oid, 'CREATE')
            OR has_schema_privilege('usher_things_worker', oid, 'CREATE')",
    )
    .fetch_all(&mut db)
    .await
    .expect("asked");
    assert!(creates.is_empty(), "{creates:?}");
}

#[tokio::test]
async fn b_22_tables_with_a_tenant_are_forced_under_row_security() {
    let database = Database::new().await;
    database.service("things", THINGS, 1).await;
    let mut db = database.admin("things").await;
    let forced: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'things'::regnamespace
         AND relrowsecurity AND relforcerowsecurity ORDER BY relname",
    )
    .fetch_all(&mut db)
    .await
    .expect("asked");
    assert_eq!(forced, ["replies", "reply_subjects", "things"]);
}

#[tokio::test]
async fn a_migration_may_take_rights_away() {
    let database = Database::new().await;
    let store = database.service("things", THINGS, 1).await;
    let caller = caller(Id::new());
    let denied = [
        "DELETE FROM log",
        "SELECT * FROM migrations",
        "SELECT * FROM store_migrations",
        "CREATE TABLE t ()",
    ];
    for sql in denied {
        let mut tx = store
            .tenant(caller.tenant().expect("set"), &caller)
            .await
            .expect("begun");
        let error = tx.execute(sql).await.expect_err("denied");
        let code = error
            .as_database_error()
            .and_then(DatabaseError::code)
            .map(Cow::into_owned);
        assert!(
            matches!(code.as_deref(), Some("42501" | "3F000")),
            "{sql}: {error}"
        );
    }
}

#[tokio::test]
async fn migrations_of_several_databases_and_replicas_may_run_at_once() {
    let databases = [Database::new().await, Database::new().await];
    let services: [&'static str; 3] = ["race_one", "race_two", "race_three"];
    // New roles each time: they are what two databases of a cluster share.
    let mut db = databases[0].admin("public").await;
    for service in services {
        for role in [
            format!("usher_{service}"),
            format!("usher_{service}_worker"),
        ] {
            db.execute(sqlx::AssertSqlSafe(format!("DROP ROLE IF EXISTS {role}")))
                .await
                .expect("dropped");
        }
    }
    let runs = (0..12).map(|run| {
        let (url, service) = (databases[run % 2].url(), services[run / 2 % 3]);
        async move { store::migrate(&url, service, &migrator("SELECT clock()"), Some("it's")).await }
    });
    for run in join_all(runs).await {
        run.unwrap_or_else(|error| panic!("{}", error.message()));
    }
}

#[tokio::test]
async fn a_store_without_its_schema_says_so_and_recovers() {
    let database = Database::new().await;
    let keys = store::Keys::new(&[1; 32]);
    database.service("things", THINGS, 1).await;
    let early =
        store::Store::connect(&database.url(), "later", keys, store::Clock::system(), 1).await;
    let early = early.expect("connecting needs no Postgres");
    early.ping().await.expect_err("there is no such schema");
    store::migrate(&database.url(), "later", &migrator("SELECT 1"), None)
        .await
        .expect("migrated");
    early.ping().await.expect("now there is");
}

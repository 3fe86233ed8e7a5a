//! B-23: no transaction sees another tenant's rows, whatever happened on the
//! connection before. Seen red with the ROLLBACK before each BEGIN left out.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    str::FromStr as _,
    sync::Arc,
    task::Poll,
};

use contract::{Id, identity::Tenant};
use futures::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rpc::Error;
use sqlx::{
    Connection as _, Executor as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use store::Store;

use crate::database::{Database, caller};

const NOTES: &str = "
    CREATE TABLE notes (tenant_id uuid NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY,
        PRIMARY KEY (tenant_id, id));
    SELECT tenant_table('notes');";
const TENANTS: usize = 8;
const NOTES_EACH: i64 = 3;

#[tokio::test]
async fn b_23_no_foreign_rows_in_10_000_interleavings_on_two_connections() {
    let database = Database::new().await;
    let store = database.service("notes", NOTES, 2).await;
    let tenants = Arc::new(seed(&store).await);
    let tasks = (0..20_u64).map(|task| {
        let (store, tenants) = (store.clone(), tenants.clone());
        tokio::spawn(async move {
            let mut random = StdRng::seed_from_u64(task);
            for _ in 0..500 {
                let tenant = tenants[random.random_range(0..TENANTS)];
                let choice = random.random_range(0..100);
                let polls = random.random_range(1..6);
                interleave(&store, tenant, choice, polls).await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("no foreign row was seen");
    }
}

/// One of the things that happen to a transaction.
async fn interleave(store: &Store, tenant: Id<Tenant>, choice: u32, polls: usize) {
    match choice {
        0..60 => assert_eq!(rows_of_others(store, tenant).await.expect("read"), 0),
        60..80 => {
            if let Some(others) = cancelled_after(polls, rows_of_others(store, tenant)).await {
                assert_eq!(others.expect("read"), 0);
            }
        }
        80..90 => drop(cancelled_after(polls, all_rows(store)).await),
        90..93 => assert_eq!(
            all_rows(store).await.expect("read"),
            i64::try_from(TENANTS).expect("few") * NOTES_EACH
        ),
        93..96 => {
            let mut tx = store.tenant(tenant, &caller(tenant)).await.expect("begun");
            tx.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)")
                .await
                .expect_err("timed out");
        }
        _ => {
            let store = store.clone();
            let panicking = tokio::spawn(async move {
                let _tx = store.worker().await;
                std::panic::resume_unwind(Box::new("a panic with a transaction in hand"));
            });
            panicking.await.expect_err("panicked");
        }
    }
}

async fn rows_of_others(store: &Store, tenant: Id<Tenant>) -> Result<i64, Error> {
    let mut tx = store.read(&caller(tenant)).await?;
    // The defence is what is tested here: no tenant in the WHERE.
    let (own, all): (i64, i64) =
        sqlx::query_as("SELECT count(*) FILTER (WHERE tenant_id = $1), count(*) FROM notes")
            .bind(tenant)
            .fetch_one(&mut *tx)
            .await?;
    assert_eq!(own, NOTES_EACH);
    Ok(all - own)
}

async fn all_rows(store: &Store) -> Result<i64, Error> {
    let mut tx = store.worker().await?;
    Ok(sqlx::query_scalar("SELECT count(*) FROM notes")
        .fetch_one(&mut *tx)
        .await?)
}

async fn seed(store: &Store) -> Vec<Id<Tenant>> {
    let tenants: Vec<Id<Tenant>> = (0..TENANTS).map(|_| Id::new()).collect();
    for tenant in &tenants {
        let mut tx = store
            .tenant(*tenant, &caller(*tenant))
            .await
            .expect("begun");
        sqlx::query("INSERT INTO notes (tenant_id) SELECT $1 FROM generate_series(1, $2)")
            .bind(tenant)
            .bind(NOTES_EACH)
            .execute(&mut *tx)
            .await
            .expect("written");
        tx.done().await.expect("committed");
    }
    tenants
}

/// Polls a future so often and drops it then, as a caller who goes away does.
async fn cancelled_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn b_23_without_a_tenant_there_are_no_rows_and_no_error() {
    let database = Database::new().await;
    let store = database.service("notes", NOTES, 2).await;
    seed(&store).await;
    let options = PgConnectOptions::from_str(&database.url()).expect("a URL");
    let options = options
        .username("usher_notes")
        .options([("search_path", "notes")]);
    let mut db = PgConnection::connect_with(&options)
        .await
        .expect("connected");
    let count = "SELECT count(*) FROM notes";
    let never_set: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut db)
        .await
        .expect("no cast error");
    db.execute("BEGIN; SET LOCAL usher.tenant = '018f0000-0000-7000-8000-000000000000'; COMMIT")
        .await
        .expect("set");
    // After SET LOCAL has ended the setting is '' and no longer NULL.
    let set_before: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut db)
        .await
        .expect("no cast error");
    assert_eq!((never_set, set_before), (0, 0));
}

#[tokio::test]
async fn b_23_a_row_of_another_tenant_cannot_be_written() {
    let database = Database::new().await;
    let store = database.service("notes", NOTES, 2).await;
    let tenants = seed(&store).await;
    let mut tx = store
        .tenant(tenants[0], &caller(tenants[0]))
        .await
        .expect("begun");
    let written = sqlx::query("INSERT INTO notes (tenant_id) VALUES ($1)")
        .bind(tenants[1])
        .execute(&mut *tx)
        .await;
    let error = written.expect_err("refused");
    assert_eq!(
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .as_deref(),
        Some("42501")
    );
}

/// The negative control: the same pool without the store's way to begin. A
/// worker's beginning is cancelled, and the next one inherits its role.
#[tokio::test]
async fn b_23_control_a_plain_pool_leaks_the_role_of_a_cancelled_beginning() {
    let database = Database::new().await;
    let store = database.service("notes", NOTES, 2).await;
    let tenants = seed(&store).await;
    let options = PgConnectOptions::from_str(&database.url()).expect("a URL");
    let options = options
        .username("usher_notes")
        .options([("search_path", "notes")]);
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_lazy_with(options);
    // Whether a cancellation meets the beginning on its way is up to the
    // scheduler: it is tried until it does.
    let mut leaked = false;
    for polls in (1..24).cycle().take(10_000) {
        if leaked {
            break;
        }
        drop(
            cancelled_after(
                polls,
                pool.begin_with("BEGIN; SET LOCAL ROLE usher_notes_worker"),
            )
            .await,
        );
        leaked |= naive_count(&pool, tenants[0]).await > NOTES_EACH;
    }
    assert!(
        leaked,
        "without the ROLLBACK at the beginning the test above has nothing to find"
    );
}

async fn naive_count(pool: &PgPool, tenant: Id<Tenant>) -> i64 {
    let begin = sqlx::AssertSqlSafe(format!("BEGIN; SET LOCAL usher.tenant = '{tenant}'"));
    let mut tx = pool.begin_with(begin).await.expect("begun");
    sqlx::query_scalar("SELECT count(*) FROM notes")
        .fetch_one(&mut *tx)
        .await
        .expect("read")
}

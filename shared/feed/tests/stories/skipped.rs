//! B-58: transactions commit in another order than their events got ids.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use contract::Id;
use futures::future::join_all;
use sqlx::{Executor as _, PgConnection};

use crate::stage::{Stage, write};

const WRITERS: u64 = 32;
const EACH: u64 = 15;

/// Lets up to 20 ms pass between the insert of an event and the commit.
const DELAY: &str = "
    CREATE FUNCTION writers.delay() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(random() * 0.02); RETURN NULL; END';
    CREATE TRIGGER delay AFTER INSERT ON writers.outbox
        FOR EACH STATEMENT EXECUTE FUNCTION writers.delay();";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_58_no_event_is_skipped_where_a_naive_cursor_skips() {
    let stage = Stage::new(36).await;
    let mut db = stage.admin().await;
    db.execute(DELAY).await.expect("delayed");
    let _relay = stage.relay(Some(stage.redis()));
    let _reader = stage.reader(Some(stage.redis()));
    let over = Arc::new(AtomicBool::new(false));
    let naive = tokio::spawn(naive_reader(stage.admin().await, over.clone()));
    let writers = (0..WRITERS).map(|writer| {
        let store = stage.writers.clone();
        tokio::spawn(async move {
            let tenant = Id::new();
            for number in 0..EACH {
                write(&store, tenant, writer * EACH + number).await;
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("all commits");
    }
    over.store(true, SeqCst);
    let events = i64::try_from(WRITERS * EACH).expect("small");
    stage
        .until_effects(&mut db, events, Duration::from_secs(8))
        .await;
    assert_eq!(stage.counts(&mut db).await, (events, events, events));
    assert_eq!(gaps(&mut db).await, 0);
    assert_eq!(out_of_order(&mut db).await, 0);
    // The negative control, in the same run.
    let seen = naive.await.expect("read");
    let missed = events - i64::try_from(seen).expect("small");
    assert!(
        missed > 0,
        "commits were in the order of ids: nothing was tested"
    );
}

/// What the relay is there for: a reader of `id > last`.
async fn naive_reader(mut db: PgConnection, over: Arc<AtomicBool>) -> usize {
    let mut seen = HashSet::new();
    let mut last = 0_i64;
    loop {
        let finishing = over.load(SeqCst);
        let ids: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM writers.outbox WHERE id > $1 ORDER BY id")
                .bind(last)
                .fetch_all(&mut db)
                .await
                .expect("read");
        last = ids.last().copied().unwrap_or(last);
        seen.extend(ids);
        if finishing {
            return seen.len();
        }
    }
}

/// Shards whose positions are not 1, 2, 3 ….
async fn gaps(db: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT shard FROM writers.outbox GROUP BY shard
             HAVING min(position) <> 1 OR max(position) <> count(*)
                 OR count(DISTINCT position) <> count(*)) s",
    )
    .fetch_one(db)
    .await
    .expect("counted")
}

/// Events of one tenant, which commits one after the other, that have not the
/// order of their commits.
async fn out_of_order(db: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT id < lag(id) OVER (PARTITION BY tenant_id ORDER BY position) AS wrong
             FROM writers.outbox) s WHERE wrong",
    )
    .fetch_one(db)
    .await
    .expect("counted")
}

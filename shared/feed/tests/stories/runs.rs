//! A mass import, or a thousand callers at once, make thousands of events in one
//! tenant: what is behind them must not wait for thousands of transactions.

use std::time::Duration;

use contract::Id;
use tokio::time::Instant;

use crate::{
    database::caller,
    stage::{Counting, Stage},
};

const EVENTS: u64 = 1000;

#[tokio::test]
async fn events_of_one_tenant_share_transactions() {
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    let tenant = Id::new();
    for first in (0..EVENTS).step_by(10) {
        stage.write_all(&caller(tenant), first..first + 10).await;
    }
    let _relay = stage.relay(None);
    let began = Instant::now();
    let _reader = stage.reader(None);
    let events = EVENTS.cast_signed();
    stage
        .until_effects(&mut db, events, Duration::from_secs(30))
        .await;
    eprintln!("{EVENTS} events in {:?}", began.elapsed());
    let transactions: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT xmin::text) FROM readers.effects")
            .fetch_one(&mut db)
            .await
            .expect("read");
    assert!(transactions <= events / 20, "{transactions} transactions");
    assert_eq!(stage.counts(&mut db).await, (events, events, events));
}

#[tokio::test]
async fn poison_in_a_run_is_found_and_the_rest_has_its_effect_once_and_in_order() {
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    let tenant = Id::new();
    stage.write_all(&caller(tenant), 0..30).await;
    // Somebody else, in the middle of it.
    stage.write(tenant, 30).await;
    stage.write_all(&caller(tenant), 31..60).await;
    let _relay = stage.relay(None);
    let _reader = stage.reader_with(
        None,
        Counting {
            poison: Some(7),
            panic: Some(40),
            ..Counting::default()
        },
    );
    stage
        .until_effects(&mut db, 58, Duration::from_secs(9))
        .await;
    assert_eq!(stage.counts(&mut db).await, (60, 58, 58));
    let numbers: Vec<i64> = sqlx::query_scalar("SELECT number FROM readers.effects ORDER BY place")
        .fetch_all(&mut db)
        .await
        .expect("read");
    assert!(numbers.is_sorted());
    let parked: Vec<i64> =
        sqlx::query_scalar("SELECT position FROM readers.parked ORDER BY position")
            .fetch_all(&mut db)
            .await
            .expect("read");
    assert_eq!(parked, [8, 41]);
}

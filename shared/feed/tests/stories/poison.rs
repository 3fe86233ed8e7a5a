//! Events that cannot be applied.

use std::{
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use contract::Id;

use crate::stage::{Counting, Stage};

#[tokio::test]
async fn b_60_poison_is_parked_after_five_tries_and_the_next_events_go_on() {
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    let _relay = stage.relay(None);
    let _reader = stage.reader_with(
        None,
        Counting {
            poison: Some(3),
            panic: Some(5),
            ..Counting::default()
        },
    );
    let tenant = Id::new();
    for number in 0..10 {
        stage.write(tenant, number).await;
    }
    stage
        .until_effects(&mut db, 8, Duration::from_secs(9))
        .await;
    let parked: Vec<(i64, i32, String)> =
        sqlx::query_as("SELECT position, attempts, error FROM readers.parked ORDER BY position")
            .fetch_all(&mut db)
            .await
            .expect("read");
    let parked: Vec<_> = parked
        .iter()
        .map(|(at, tries, error)| (*at, *tries, error.contains("poison")))
        .collect();
    assert_eq!(parked, [(4, 5, true), (6, 5, false)]);
    assert_eq!(stage.counts(&mut db).await, (10, 8, 8));
    let order: Vec<i64> = sqlx::query_scalar("SELECT number FROM readers.effects ORDER BY place")
        .fetch_all(&mut db)
        .await
        .expect("read");
    assert!(order.is_sorted());
}

#[tokio::test]
async fn an_event_waits_for_what_is_away_and_is_not_parked() {
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    let _relay = stage.relay(None);
    // More often than a poisoned event is tried.
    let outage = Some((1, Arc::new(AtomicU32::new(6))));
    let _reader = stage.reader_with(
        None,
        Counting {
            outage,
            ..Counting::default()
        },
    );
    let tenant = Id::new();
    for number in 0..3 {
        stage.write(tenant, number).await;
    }
    stage
        .until_effects(&mut db, 3, Duration::from_secs(9))
        .await;
    let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM readers.parked")
        .fetch_one(&mut db)
        .await
        .expect("read");
    assert_eq!(parked, 0);
}

/// Neither a statement that is too slow nor a lock that nobody gives back says
/// that something is away: they would hold up the shard for ever, unseen.
#[tokio::test]
async fn b_60_an_event_that_is_too_slow_or_locked_out_is_parked_and_seen_meanwhile() {
    let registry = prometheus::Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone());
    let reader = exporter.build().expect("an exporter");
    let meters = opentelemetry_sdk::metrics::SdkMeterProvider::builder();
    opentelemetry::global::set_meter_provider(meters.with_reader(reader).build());
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    sqlx::query("SELECT pg_advisory_lock(60)")
        .execute(&mut db)
        .await
        .expect("locked");
    let _relay = stage.relay(None);
    let tenant = Id::new();
    for number in 0..5 {
        stage.write(tenant, number).await;
    }
    let _reader = stage.reader_with(
        None,
        Counting {
            slow: Some(1),
            locked: Some(3),
            ..Counting::default()
        },
    );
    stage
        .until_effects(&mut db, 2, Duration::from_secs(30))
        .await;
    let oldest = || {
        let families = registry.gather();
        let age = families
            .iter()
            .find(|family| family.name().starts_with("usher_feed_age"));
        let shards = age.map(|family| family.get_metric().iter());
        shards.map_or(0.0, |mut shards| {
            shards
                .by_ref()
                .map(|one| one.get_gauge().get_value())
                .fold(0.0, f64::max)
        })
    };
    let seen = async {
        while oldest() < 2.0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(9), seen)
        .await
        .expect("the metric tells that an event is stuck");
    stage
        .until_effects(&mut db, 3, Duration::from_secs(30))
        .await;
    let parked: Vec<i64> = sqlx::query_scalar("SELECT position FROM readers.parked ORDER BY 1")
        .fetch_all(&mut db)
        .await
        .expect("read");
    assert_eq!(parked, [2, 4]);
}

#[tokio::test]
async fn what_a_consumer_publishes_is_done_by_who_did_the_event() {
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    // Before anybody reads: they are taken together.
    let tenant = Id::new();
    for number in 0..5 {
        stage.write(tenant, number).await;
    }
    let _relay = stage.relay(None);
    let _reader = stage.reader_with(
        None,
        Counting {
            echo: true,
            ..Counting::default()
        },
    );
    stage
        .until_effects(&mut db, 5, Duration::from_secs(9))
        .await;
    let (same, origins): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT o.request_id)
         FROM writers.outbox o JOIN readers.outbox e
           ON (o.payload, o.tenant_id, o.actor_user_id, o.actor_service, o.request_id)
            = (e.payload, e.tenant_id, e.actor_user_id, e.actor_service, e.request_id)",
    )
    .fetch_one(&mut db)
    .await
    .expect("both published");
    assert_eq!((same, origins), (5, 5));
}

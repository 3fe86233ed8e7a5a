//! Replicas of one service hear each other's events at once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use contract::Id;
use feed::Freshness;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::stage::{Running, Stage};

const DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_tail_hears_every_event_once_with_and_without_a_relay() {
    let stage = Stage::new(8).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let freshness = Freshness::new();
    assert!(
        !freshness.is_fresh(),
        "before the first look nothing is known"
    );
    let (listener, fresh) = (heard.clone(), freshness.clone());
    let (store, shutdown) = (stage.writers.clone(), CancellationToken::new());
    let tail = Running(tokio::spawn(async move {
        feed::tail(
            store,
            |event| listener.lock().expect("whole").push(event.id.clone()),
            fresh,
            shutdown,
        )
        .await;
    }));
    until(|| freshness.is_fresh()).await;
    for number in 0..20 {
        stage.write(Id::new(), number).await;
    }
    until(|| heard.lock().expect("whole").len() == 20).await;
    // Now the same rows get positions, and others come with one.
    let _relay = stage.relay(None);
    for number in 0..20 {
        stage.write(Id::new(), number).await;
    }
    until(|| heard.lock().expect("whole").len() >= 40).await;
    let mut ids = heard.lock().expect("whole").clone();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), heard.lock().expect("whole").len()), (40, 40));
    drop(tail);
    until(|| !freshness.is_fresh()).await;
}

async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}");
        // Between two looks; what is waited for does not take a fixed time.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

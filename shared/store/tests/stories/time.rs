//! The clock, in Rust and in SQL.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::Id;
use store::Clock;

use crate::database::{Database, caller};

#[tokio::test]
async fn sql_and_rust_have_one_time_and_a_test_moves_it() {
    let database = Database::new().await;
    let (clock, handle) = Clock::moved();
    let store = database
        .service_at("timed", "SELECT clock()", 1, clock.clone())
        .await;
    let caller = caller(Id::new());
    for day in 0..3 {
        let mut tx = store.read(&caller).await.expect("begun");
        let sql: DateTime<Utc> = sqlx::query_scalar("SELECT clock()")
            .fetch_one(&mut *tx)
            .await
            .expect("told");
        let ahead = sql - Clock::system().now();
        assert!((clock.now() - sql).abs() < TimeDelta::minutes(1));
        assert!((ahead - TimeDelta::days(day)).abs() < TimeDelta::minutes(1));
        handle.advance(Duration::from_hours(24));
    }
}

#[tokio::test]
async fn b_77_a_machine_whose_clock_is_wrong_goes_by_that_of_postgres() {
    let database = Database::new().await;
    let (clock, handle) = Clock::moved();
    let store = database
        .service_at("skewed", "SELECT clock()", 1, clock.clone())
        .await;
    for minutes in [5, -5, 0] {
        handle.skew(TimeDelta::minutes(minutes));
        store.ping().await.expect("Postgres answers");
        let off = clock.now() - Clock::system().now();
        assert!(off.abs() < TimeDelta::seconds(5), "{minutes}: {off}");
    }
}

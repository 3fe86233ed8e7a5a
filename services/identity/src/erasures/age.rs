//! How long the other services take to erase: the one thing about erasures for
//! which an operator is to be woken.

use std::time::Duration;

use boot::Tasks;
use store::Store;

use crate::db;

/// How often it is measured.
const MEASURE: Duration = Duration::from_secs(15);

/// Tells the age of the oldest deletion that a service has not acknowledged, as
/// `usher_erasure_age_seconds`.
pub fn measure(tasks: &Tasks, store: Store) {
    let age = opentelemetry::global::meter("usher")
        .f64_gauge("usher_erasure_age_seconds")
        .with_description(
            "Age of the oldest deletion of a user that a service has not acknowledged; 0 where none waits",
        )
        .build();
    tasks.every(MEASURE, "erasures", move || {
        let (store, age) = (store.clone(), age.clone());
        async move {
            let mut tx = store.worker().await?;
            let seconds = db::erasures::oldest_pending_seconds(&mut tx).await?;
            age.record(seconds.unwrap_or_default(), &[]);
            Ok(())
        }
    });
}

//! Waiting for a condition, with a deadline, never for a time.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// How long a condition may take on a slow, busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within twenty seconds; `what` says what was missing.
pub async fn until<T, F>(what: &str, ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    until_within(PATIENCE, what, ask).await
}

/// The same with another patience, for long work.
///
/// # Panics
/// When there is no answer in time.
pub async fn until_within<T, F>(patience: Duration, what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Asks again and again until the condition holds.
///
/// # Panics
/// As [`until`].
pub async fn eventually<F>(what: &str, mut holds: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    until(what, || {
        let answer = holds();
        async move { answer.await.then_some(()) }
    })
    .await;
}

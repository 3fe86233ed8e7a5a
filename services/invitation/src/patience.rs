//! Waiting for somebody who is at work on the same row.

use std::time::Duration;

use contract::errors::ErrorReason;
use rpc::{Because as _, Error};

/// Waits, longer each time, and gives up after about four seconds. The wait
/// holds no connection and no lock.
pub(crate) struct Patience {
    pause: Duration,
    waited: Duration,
}

const MOST: Duration = Duration::from_secs(4);

impl Patience {
    pub(crate) fn new() -> Patience {
        Patience {
            pause: Duration::from_millis(20),
            waited: Duration::ZERO,
        }
    }

    /// Waits; `DEPENDENCY_UNAVAILABLE` where it took too long already.
    pub(crate) async fn wait(&mut self) -> Result<(), Error> {
        if self.waited >= MOST {
            return Err(busy());
        }
        // Apart from each other, lest all who wait come back at once.
        let pause = self.pause.mul_f64(rand::random_range(0.5..1.0));
        tokio::time::sleep(pause).await;
        self.waited += pause;
        self.pause = (self.pause * 2).min(Duration::from_millis(400));
        Ok(())
    }
}

/// Another call is at work on the same thing.
pub(crate) fn busy() -> Error {
    ErrorReason::DependencyUnavailable
        .because("another call is at work on this invitation; try again later")
        .retry_after(Duration::from_secs(1))
}

//! A bucket of tokens that refills steadily.

use std::time::Duration;

use tokio::time::Instant;

/// How fast a caller may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Calls per second in the long run. Above 0.
    pub per_second: f64,
    /// Calls at once after a rest. At least 1.
    pub burst: f64,
}

impl Rate {
    /// Half of it: what one gateway grants by itself where it cannot ask the
    /// store that all gateways share.
    #[must_use]
    pub fn stricter(self) -> Self {
        Self {
            per_second: self.per_second / 2.0,
            burst: (self.burst / 2.0).max(1.0),
        }
    }
}

/// The tokens of one caller at one gateway.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        Self {
            tokens: rate.burst,
            at: now,
        }
    }

    /// Takes one token, or says how long until there is one.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.refill(rate, now);
        if self.tokens < 1.0 {
            let wait = (1.0 - self.tokens) / rate.per_second;
            return Err(Duration::from_secs_f64(wait));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// Puts one token back.
    pub(crate) fn give_back(&mut self, rate: Rate) {
        self.tokens = (self.tokens + 1.0).min(rate.burst);
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let rested = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + rested * rate.per_second).min(rate.burst);
        self.at = now;
    }
}

//! The buckets in Redis that all gateways share.

use std::time::Duration;

use boot::Redis;

use super::{Lease, Rate};

/// The shared buckets.
pub(crate) struct Shared {
    redis: Redis,
    lease: redis::Script,
}

impl Shared {
    pub(crate) fn new(redis: Redis) -> Self {
        Self {
            redis,
            lease: redis::Script::new(include_str!("lease.lua")),
        }
    }

    /// False for a while after Redis failed to answer.
    pub(crate) fn answers(&self) -> bool {
        !self.redis.is_down()
    }

    /// Takes up to `most` tokens of a caller; nothing where Redis does not
    /// answer in time.
    pub(crate) async fn lease(&self, key: &str, rate: Rate, most: u32) -> Option<Lease> {
        let mut call = self.lease.key(self.redis.key(key));
        call.arg(rate.per_second).arg(rate.burst).arg(most);
        let lease = self
            .redis
            .call(async |mut connection| call.invoke_async::<(u32, u64)>(&mut connection).await);
        match lease.await {
            Ok((granted, wait)) => Some(Lease {
                granted,
                wait: Duration::from_millis(wait),
            }),
            Err(error) => {
                tracing::warn!(%error, "callers are limited here alone, at half the rate");
                None
            }
        }
    }
}

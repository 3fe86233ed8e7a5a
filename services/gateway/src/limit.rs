//! How fast a caller may go: counted in Redis for all gateways together,
//! leased in batches so that most calls ask nobody.

mod bucket;
mod shared;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use contract::errors::ErrorReason;
use quick_cache::sync::Cache;
use rpc::Because as _;
use tokio::time::Instant;
use tonic::Status;

use bucket::Bucket;
pub use bucket::Rate;
pub(crate) use shared::Shared;

/// Callers remembered. What is forgotten starts from what Redis knows.
const REMEMBERED: usize = 100_000;
/// How long tokens that were leased and not used are kept.
const LEASE: Duration = Duration::from_secs(1);

/// A caller, as the limit sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Caller([u8; 16]);

impl Caller {
    pub(crate) fn of_token(token: &str) -> Self {
        Self::of(b't', token.as_bytes())
    }

    pub(crate) fn of_address(address: IpAddr) -> Self {
        match crate::client::neighbourhood(address) {
            IpAddr::V4(v4) => Self::of(b'4', &v4.octets()),
            IpAddr::V6(v6) => Self::of(b'6', &v6.octets()),
        }
    }

    fn of(kind: u8, bytes: &[u8]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..16]);
        key[0] = kind;
        Self(key)
    }

    fn name(self) -> String {
        hex::encode(self.0)
    }
}

/// One limit, for many callers.
pub(crate) struct Limit {
    name: &'static str,
    rate: Rate,
    shared: Option<Arc<Shared>>,
    callers: Cache<Caller, Arc<Allowance>>,
}

struct Allowance {
    state: Mutex<State>,
    /// Held by the one who leases; the others wait for that lease.
    leasing: tokio::sync::Mutex<()>,
}

struct State {
    leased: u32,
    leased_until: Instant,
    refused_until: Instant,
    alone: Bucket,
}

impl Limit {
    /// A limit that all gateways keep together through `shared`, or that this
    /// one keeps alone, at half the rate, while there is none.
    pub(crate) fn new(name: &'static str, rate: Rate, shared: Option<Arc<Shared>>) -> Self {
        Self {
            name,
            rate,
            shared,
            callers: Cache::new(REMEMBERED),
        }
    }

    /// Counts one call, or says after how long the next one would pass.
    pub(crate) async fn take(&self, caller: Caller) -> Result<(), Duration> {
        let allowance = self.allowance(caller);
        if let Some(verdict) = allowance.known() {
            return verdict;
        }
        let Some(shared) = self.shared.as_ref().filter(|shared| shared.answers()) else {
            return allowance.alone(self.rate);
        };
        let _leasing = allowance.leasing.lock().await;
        if let Some(verdict) = allowance.known() {
            return verdict;
        }
        let key = format!("usher:rate:{}:{{{}}}", self.name, caller.name());
        match shared.lease(&key, self.rate, self.batch()).await {
            Some(lease) => allowance.settle(lease),
            None => allowance.alone(self.rate),
        }
    }

    /// Counts one call of a caller that has a name, or refuses it.
    pub(crate) async fn pass(&self, caller: Option<Caller>) -> Result<(), Status> {
        let Some(caller) = caller else {
            return Ok(());
        };
        self.take(caller).await.map_err(|wait| {
            ErrorReason::RateLimited
                .because("too many calls; slow down")
                .retry_after(wait)
                .into()
        })
    }

    /// Counts one call less, for a limit that this gateway keeps alone.
    pub(crate) fn give_back(&self, caller: Caller) {
        let allowance = self.allowance(caller);
        allowance.state().alone.give_back(self.rate.stricter());
    }

    /// Tokens per lease: a twentieth of a second's worth, so that what lapses
    /// unused is small.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1..=50 first"
    )]
    fn batch(&self) -> u32 {
        (self.rate.per_second / 20.0).clamp(1.0, 50.0) as u32
    }

    fn allowance(&self, caller: Caller) -> Arc<Allowance> {
        if let Some(known) = self.callers.get(&caller) {
            return known;
        }
        let now = Instant::now();
        let fresh = || {
            Ok::<_, std::convert::Infallible>(Arc::new(Allowance {
                state: Mutex::new(State {
                    leased: 0,
                    leased_until: now,
                    refused_until: now,
                    alone: Bucket::full(self.rate.stricter(), now),
                }),
                leasing: tokio::sync::Mutex::new(()),
            }))
        };
        match self.callers.get_or_insert_with(&caller, fresh) {
            Ok(allowance) => allowance,
            Err(never) => match never {},
        }
    }
}

/// What Redis granted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub granted: u32,
    pub wait: Duration,
}

impl Allowance {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The verdict that needs nobody else: a leased token, or a refusal that
    /// still holds.
    fn known(&self) -> Option<Result<(), Duration>> {
        let now = Instant::now();
        let mut state = self.state();
        if state.leased > 0 && now < state.leased_until {
            state.leased -= 1;
            return Some(Ok(()));
        }
        (now < state.refused_until).then(|| Err(state.refused_until - now))
    }

    fn settle(&self, lease: Lease) -> Result<(), Duration> {
        let now = Instant::now();
        let mut state = self.state();
        if lease.granted == 0 {
            state.refused_until = now + lease.wait;
            return Err(lease.wait);
        }
        state.leased = lease.granted - 1;
        state.leased_until = now + LEASE;
        Ok(())
    }

    fn alone(&self, rate: Rate) -> Result<(), Duration> {
        self.state().alone.take(rate.stricter(), Instant::now())
    }
}

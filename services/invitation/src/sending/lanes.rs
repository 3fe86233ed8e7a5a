//! How many mails are sent at a time, and how a slow recipient is kept from
//! stopping the others.
//!
//! There are as many lanes as workers. A delivery that takes longer than
//! [`SLOW`] leaves its lane to the next mail and ends aside, and its domain is
//! remembered: no more than a few mails to it are under way until one is quick
//! again. Remembered in this process only; every replica learns for itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What takes longer is slow. A server nearby needs milliseconds, one across
/// the world with greylisting and filters about a second.
pub(super) const SLOW: Duration = Duration::from_secs(2);

/// Deliveries that may end aside, each with a connection of its own.
const ASIDE: usize = 32;

/// Slow domains to remember before all are forgotten.
const MEMORY: usize = 1000;

/// The right to send one mail.
pub(super) type Lane = OwnedSemaphorePermit;

/// The lanes of a process.
pub(super) struct Lanes {
    permits: Arc<Semaphore>,
    aside: Arc<Semaphore>,
    a_domain: usize,
    domains: Mutex<HashMap<String, Domain>>,
}

#[derive(Default)]
struct Domain {
    under_way: usize,
    slow: bool,
}

impl Lanes {
    pub(super) fn new(workers: usize) -> Lanes {
        Lanes {
            permits: Arc::new(Semaphore::new(workers)),
            aside: Arc::new(Semaphore::new(ASIDE)),
            a_domain: (workers / 2).max(1),
            domains: Mutex::default(),
        }
    }

    /// All lanes that are free; waits until there is one.
    pub(super) async fn free(&self) -> Vec<Lane> {
        let first = self.permits.clone().acquire_owned().await;
        let mut free: Vec<Lane> = first.into_iter().collect();
        while let Ok(lane) = self.permits.clone().try_acquire_owned() {
            free.push(lane);
        }
        free
    }

    /// Domains to which enough is under way for how slow they are.
    pub(super) fn crowded(&self) -> Vec<String> {
        let crowded = |domain: &Domain| domain.slow && domain.under_way >= self.a_domain;
        self.domains()
            .iter()
            .filter(|(_, domain)| crowded(domain))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// A delivery to a domain begins.
    pub(super) fn enter(&self, domain: &str, lane: Lane) -> Delivery<'_> {
        self.domains()
            .entry(domain.to_owned())
            .or_default()
            .under_way += 1;
        Delivery {
            lanes: self,
            domain: domain.to_owned(),
            place: lane,
            slow: false,
        }
    }

    fn domains(&self) -> MutexGuard<'_, HashMap<String, Domain>> {
        self.domains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A delivery under way.
pub(super) struct Delivery<'a> {
    lanes: &'a Lanes,
    domain: String,
    place: OwnedSemaphorePermit,
    slow: bool,
}

impl Delivery<'_> {
    /// It takes long: leaves the lane, where there is room aside.
    pub(super) fn is_slow(&mut self) {
        self.slow = true;
        if let Ok(aside) = self.lanes.aside.clone().try_acquire_owned() {
            self.place = aside;
        }
        self.lanes
            .domains()
            .entry(self.domain.clone())
            .or_default()
            .slow = true;
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        let mut domains = self.lanes.domains();
        if let Some(domain) = domains.get_mut(&self.domain) {
            domain.under_way = domain.under_way.saturating_sub(1);
            domain.slow &= self.slow || domain.under_way > 0;
        }
        let forget = domains.len() > MEMORY;
        domains.retain(|_, domain| domain.under_way > 0 || domain.slow && !forget);
    }
}

#[cfg(test)]
mod tests {
    use super::Lanes;

    #[tokio::test]
    async fn a_slow_domain_leaves_its_lanes_and_gets_no_more() {
        let lanes = Lanes::new(4);
        let mut free = lanes.free().await;
        assert_eq!(free.len(), 4);
        let mut under_way = Vec::new();
        for lane in free.drain(..2) {
            under_way.push(lanes.enter("tarpit.test", lane));
        }
        drop(free);
        assert!(lanes.crowded().is_empty(), "nothing is known of it yet");
        under_way.iter_mut().for_each(super::Delivery::is_slow);
        assert_eq!(lanes.crowded(), ["tarpit.test"]);
        assert_eq!(lanes.free().await.len(), 4, "the slow ones went aside");
    }

    #[tokio::test]
    async fn a_domain_that_is_quick_again_is_forgotten() {
        let lanes = Lanes::new(2);
        let mut free = lanes.free().await;
        let mut slow = lanes.enter("acme.test", free.remove(0));
        slow.is_slow();
        drop(slow);
        let second = lanes.enter("acme.test", free.remove(0));
        assert_eq!(
            lanes.crowded(),
            ["acme.test"],
            "one at a time while it is slow"
        );
        drop(second);
        let third = lanes.enter("acme.test", lanes.free().await.remove(0));
        assert!(lanes.crowded().is_empty());
        drop(third);
    }
}

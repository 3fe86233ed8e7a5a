//! Lets no more answers of one budget be checked at a time, in this process,
//! than it has room for. The budget in Postgres is what holds; this
//! only keeps a crowd from asking it over and over while it is full, and lets
//! them through in the order in which they came.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rpc::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// How many are let through: as many as a budget has room for by default.
const AT_ONCE: usize = 10;

/// A gate for every budget of which answers are being checked. Clones share them.
#[derive(Clone, Default)]
pub struct Gates(Arc<Mutex<HashMap<Uuid, Arc<Semaphore>>>>);

/// One is through; the next may follow when this is dropped.
pub struct Through {
    // In this order: the gate is left after it was opened.
    _permit: OwnedSemaphorePermit,
    _visit: Visit,
}

/// One is at a gate, or through.
struct Visit {
    gates: Gates,
    budget: Uuid,
    gate: Option<Arc<Semaphore>>,
}

impl Gates {
    /// Waits for one's turn.
    pub async fn enter(&self, budget: Uuid) -> Result<Through, Error> {
        let gate = self.gate(budget);
        let visit = Visit {
            gates: self.clone(),
            budget,
            gate: Some(gate.clone()),
        };
        let permit = gate.acquire_owned().await?;
        Ok(Through {
            _permit: permit,
            _visit: visit,
        })
    }

    fn gate(&self, budget: Uuid) -> Arc<Semaphore> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates
            .entry(budget)
            .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)))
            .clone()
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.gate = None;
        let mut gates = self.gates.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody gets hold of a gate but through this map, which is locked.
        if gates
            .get(&self.budget)
            .is_some_and(|gate| Arc::strong_count(gate) == 1)
        {
            gates.remove(&self.budget);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn as_many_as_the_budget_at_a_time_and_nothing_is_left() {
        let (gates, budget) = (Gates::default(), Uuid::from_u128(1));
        let mut through = Vec::new();
        for _ in 0..AT_ONCE {
            through.push(gates.enter(budget).await.expect("it is open"));
        }
        let moment = Duration::from_millis(20);
        assert!(
            timeout(moment, gates.enter(budget)).await.is_err(),
            "one too many"
        );
        let other = timeout(moment, gates.enter(Uuid::from_u128(2))).await;
        assert!(other.is_ok(), "another budget waits");
        through.pop();
        let next = timeout(moment, gates.enter(budget))
            .await
            .expect("there is room");
        drop((next, other, through));
        let left = gates.0.lock().expect("nobody panicked").len();
        assert_eq!(left, 0, "gates of no budget");
    }
}

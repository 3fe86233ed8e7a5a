//! How much one tenant, or one user, has under way in this process: without a
//! bound, one of them could take what is there for all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

/// So many places for each.
#[derive(Debug)]
pub struct Places {
    most: usize,
    taken: Mutex<HashMap<Uuid, usize>>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    whose: Uuid,
}

impl Places {
    /// So many places for each.
    #[must_use]
    pub fn new(most: usize) -> Arc<Places> {
        let taken = Mutex::default();
        Arc::new(Places { most, taken })
    }

    /// A place; `None` where they have all of theirs.
    #[must_use]
    pub fn take(self: &Arc<Self>, whose: Uuid) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.entry(whose).or_default();
        if *theirs == self.most {
            return None;
        }
        *theirs += 1;
        Some(Place {
            places: self.clone(),
            whose,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = taken.get_mut(&self.whose) {
            *theirs -= 1;
            if *theirs == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

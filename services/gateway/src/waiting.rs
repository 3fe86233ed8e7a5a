//! Messages that are still to come, counted by address.
//!
//! A call that has begun takes one of the places for calls in flight, and its
//! message may take seconds: without this, one address could take all places by
//! never finishing a message.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use contract::errors::ErrorReason;
use rpc::{Because as _, body};
use tonic::{Status, body::Body};

use crate::limit::Caller;

/// Messages of one address that may be on their way at once. Most are here with
/// their headers and never counted.
const MOST: usize = 1024;

/// The messages that are waited for.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<HashMap<Caller, usize>>);

/// One of them, until it is dropped.
struct Wait<'waiting> {
    waiting: &'waiting Waiting,
    from: Caller,
}

impl Waiting {
    /// Reads a message whole. Where too many of its address are waited for
    /// already, it is refused unless it is here.
    pub(crate) async fn read(&self, body: Body, from: Option<Caller>) -> Result<Body, Status> {
        let mut reading = pin!(body::read(body));
        let read = match futures::poll!(reading.as_mut()) {
            Poll::Ready(read) => read,
            Poll::Pending => {
                let _wait = from.map(|from| self.begin(from)).transpose()?;
                reading.await
            }
        };
        read.map(body::again)
    }

    fn begin(&self, from: Caller) -> Result<Wait<'_>, Status> {
        let mut all = self.all();
        let count = all.entry(from).or_default();
        if *count >= MOST {
            let error = ErrorReason::RateLimited.because("too many unfinished calls");
            return Err(error.retry_after(Duration::from_secs(1)).into());
        }
        *count += 1;
        Ok(Wait {
            waiting: self,
            from,
        })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Caller, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut all = self.waiting.all();
        if let Some(count) = all.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.from);
            }
        }
    }
}

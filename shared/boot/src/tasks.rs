//! Background work: named, counted, told to stop, and waited for.

use std::{future::Future, time::Duration};

use futures::FutureExt as _;
use rpc::Error;
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The background work of a process. Clones share the same work.
///
/// Work runs on the background runtime, whichever thread asks for it, so it
/// never takes time from the threads that answer calls.
#[derive(Clone, Debug)]
pub struct Tasks {
    runtime: Handle,
    begun: CancellationToken,
    leaving: CancellationToken,
    stopping: CancellationToken,
    running: TaskTracker,
}

impl Tasks {
    /// Work that runs on the runtime of the caller, as soon as it is given.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn here() -> Self {
        let tasks = Self::held();
        tasks.begin();
        tasks
    }

    /// The same, but nothing runs before [`Tasks::begin`]: for services that
    /// are started one after the other and whose work needs all of them.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn held() -> Self {
        Self {
            runtime: Handle::current(),
            begun: CancellationToken::new(),
            leaving: CancellationToken::new(),
            stopping: CancellationToken::new(),
            running: TaskTracker::new(),
        }
    }

    /// Lets the work run that was held.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Cancelled when the process begins to leave: it wants no new calls, and
    /// still answers those that come.
    #[must_use]
    pub fn leaving(&self) -> CancellationToken {
        self.leaving.clone()
    }

    /// Says that the process begins to leave.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Cancelled when the process begins to stop its background work. Pass it
    /// to loops, which end at their next checkpoint.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Runs work that ends by itself or when [`Tasks::stopping`] says so.
    /// `name` is what logs call it. A panic is logged and ends only this work.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let work = std::panic::AssertUnwindSafe(work).catch_unwind();
        let (begun, stopping) = (self.begun.clone(), self.stopping.clone());
        self.running.spawn_on(
            async move {
                tokio::select! {
                    () = begun.cancelled() => {}
                    () = stopping.cancelled() => return,
                }
                if work.await.is_err() {
                    tracing::error!(task = name, "background work panicked and has ended");
                }
            },
            &self.runtime,
        );
    }

    /// Runs a loop that must not end before the process stops: where it
    /// returns or panics early it is started again, after 100 ms at first and
    /// 10 s at most.
    pub fn keep<W>(&self, name: &'static str, mut work: impl FnMut() -> W + Send + 'static)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let stopping = self.stopping();
        self.spawn(name, async move {
            let mut pause = Duration::from_millis(100);
            while !stopping.is_cancelled() {
                let began = tokio::time::Instant::now();
                let ended = std::panic::AssertUnwindSafe(work()).catch_unwind().await;
                if stopping.is_cancelled() {
                    return;
                }
                // A long healthy run says that the cause was not the start.
                if began.elapsed() > Duration::from_mins(1) {
                    pause = Duration::from_millis(100);
                }
                tracing::error!(
                    task = name,
                    panicked = ended.is_err(),
                    "background loop ended early and starts again"
                );
                let _ = tokio::time::timeout(pause, stopping.cancelled()).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        });
    }

    /// Runs work at once and then again after every pause, until the process
    /// stops. What fails is logged and tried again the next time.
    pub fn every<W>(
        &self,
        pause: Duration,
        name: &'static str,
        work: impl Fn() -> W + Clone + Send + Sync + 'static,
    ) where
        W: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let stopping = self.stopping();
        self.keep(name, move || {
            let (work, stopping) = (work.clone(), stopping.clone());
            async move {
                while !stopping.is_cancelled() {
                    if let Some(Err(error)) = stopping.run_until_cancelled(work()).await {
                        tracing::warn!(task = name, %error, "background work failed; it is tried again");
                    }
                    stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
                }
            }
        });
    }

    /// Tells all work to stop and waits for it, at most `deadline`. False
    /// where some work still runs then.
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.leaving.cancel();
        self.stopping.cancel();
        self.running.close();
        let done = tokio::time::timeout(deadline, self.running.wait()).await;
        if done.is_err() {
            tracing::warn!(
                running = self.running.len(),
                "background work did not stop in time"
            );
        }
        done.is_ok()
    }
}

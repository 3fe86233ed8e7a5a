//! Ctrl-C: the first ends things in order, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Doing, Failure, INTERRUPTED, Outcome};

static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

const BLINK: Duration = Duration::from_millis(20);

pub(crate) fn listen() -> Outcome {
    let requested = REQUESTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag unset and only sets it; the second exits,
        // and what that leaves running is cleared away by the next start.
        signal_hook::flag::register_conditional_shutdown(
            signal,
            INTERRUPTED.into(),
            Arc::clone(requested),
        )
        .doing("listen for Ctrl-C")?;
        signal_hook::flag::register(signal, Arc::clone(requested)).doing("listen for Ctrl-C")?;
    }
    Ok(())
}

pub(crate) fn requested() -> bool {
    REQUESTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::SeqCst))
}

/// Tells the shell of the person who pressed Ctrl-C from one who did not.
pub(crate) fn check() -> Outcome {
    if requested() {
        Err(Failure::interrupted())
    } else {
        Ok(())
    }
}

/// Sleeps without hearing Ctrl-C: for the short waits while things end.
#[expect(
    clippy::disallowed_methods,
    reason = "this tool has threads, no async runtime to hold up"
)]
pub(crate) fn blink() {
    std::thread::sleep(BLINK);
}

/// Waits until `done` says so. False when `patience` runs out first.
pub(crate) fn wait_until(
    patience: Duration,
    mut done: impl FnMut() -> Outcome<bool>,
) -> Outcome<bool> {
    let begin = Instant::now();
    while !done()? {
        check()?;
        if begin.elapsed() > patience {
            return Ok(false);
        }
        blink();
    }
    Ok(true)
}

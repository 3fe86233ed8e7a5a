//! `cargo dev up`: everything running until Ctrl-C.

mod banner;
mod first;
mod services;
mod stack;
mod watch;

use crate::args;
use crate::failure::{Failure, Outcome};
use crate::paths::Paths;
use crate::say;
use crate::state::Addresses;

pub(crate) use first::Credentials;
pub(crate) use stack::Stack;

pub(crate) fn run(paths: &Paths, options: &args::Up) -> Outcome {
    if let Some(addresses) = Addresses::live(paths) {
        let advice = format!(
            "It answers at {}. End it with Ctrl-C in its terminal first.",
            addresses.gateway
        );
        return Err(Failure::new("`cargo dev up` runs already").advise(advice));
    }
    let mut stack = Stack::start(paths, options)?;
    banner::show(paths, &stack);
    let watched = stack.watch();
    say::heading("Stopping");
    stack.stop();
    watched
}

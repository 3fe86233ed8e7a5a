//! `cargo dev reset`: as if `cargo dev up` had never run; fetched programs stay.

use std::fs;

use crate::failure::{Failure, Outcome};
use crate::paths::{self, Paths};
use crate::say;
use crate::session;

pub(crate) fn run(paths: &Paths) -> Outcome {
    session::sweep(paths)?;
    if session::others(paths) {
        return Err(
            Failure::new("a `cargo dev` is still running here").advise("End it with Ctrl-C first.")
        );
    }
    paths::remove(&paths.data())?;
    for name in ["mail", "log", "run"] {
        paths::remove(&paths.dev(name))?;
    }
    for name in ["credentials.json", "secrets", "session", "state.json"] {
        drop(fs::remove_file(paths.dev(name)));
    }
    say::plain("data, mail, logs and credentials are gone; the next `cargo dev up` starts afresh");
    Ok(())
}

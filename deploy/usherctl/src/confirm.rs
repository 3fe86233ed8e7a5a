//! Asking before what cannot be undone.

use std::io::{self, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Asks on the terminal whether to go on, unless that was said already. Where
/// there is nobody to ask, a script has to say it.
pub fn ask(said: bool, what: &str) -> Result<(), Failure> {
    if said {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!("{what}? Say so with --yes")));
    }
    eprint!("{what}? [y/N] ");
    let _ = io::stderr().flush();
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("the answer", &error))?;
    if answer.trim().eq_ignore_ascii_case("y") {
        Ok(())
    } else {
        Err(Failure::usage("nothing was done"))
    }
}

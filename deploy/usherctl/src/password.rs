//! Secrets that a person types.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::{Command, Stdio},
};

use crate::failure::Failure;

/// Asks for a secret: on a terminal without showing it, else as the next line
/// of stdin.
pub fn ask(what: &str) -> Result<String, Failure> {
    let terminal = io::stdin().is_terminal();
    if terminal {
        eprint!("{what}: ");
        let _ = io::stderr().flush();
    }
    let hidden = terminal && stty("-echo");
    let line = line();
    if hidden {
        stty("echo");
        eprintln!();
    }
    line.map_err(|error| Failure::io(what, &error))
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "stdin is empty",
        ));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn stty(mode: &str) -> bool {
    let status = Command::new("stty")
        .arg(mode)
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

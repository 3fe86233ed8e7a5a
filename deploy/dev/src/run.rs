//! Commands that are run to their end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::environment;
use crate::failure::{Doing, Failure, Outcome};
use crate::interrupt;
use crate::process::{Signal, signal};

/// What a person would type.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs it with our terminal, and says how it ended.
pub(crate) fn status(command: &mut Command) -> Outcome<ExitStatus> {
    let child = command.spawn();
    end_of(child.doing(format_args!("run {}", command.get_program().display()))?)
}

/// Waits for it, and ends it when we are to end.
pub(crate) fn end_of(mut child: Child) -> Outcome<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().doing("wait for a program")? {
            interrupt::check()?;
            return Ok(status);
        }
        if interrupt::requested() {
            // Ctrl-C reaches it too, but a signal sent to us alone does not.
            drop(signal(child.id(), Signal::Terminate));
            drop(child.wait());
        }
        interrupt::blink();
    }
}

/// Runs it with our terminal; anything but success is a failure.
pub(crate) fn done(command: &mut Command) -> Outcome {
    let status = status(command)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "`{}` failed ({status})",
            shown(command)
        )))
    }
}

/// Runs it in silence and returns what it said on standard output. For short work only: it is not
/// ended by Ctrl-C, so that it can also be used while everything is being stopped.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    heard(command.stdin(Stdio::null()))
}

fn heard(command: &mut Command) -> Outcome<String> {
    let output = command
        .output()
        .doing(format_args!("run {}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    // Some tell on one what is wrong, some on the other.
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    Err(
        Failure::new(format!("`{}` failed ({})", shown(command), output.status))
            .advise(said.concat().trim_end()),
    )
}

/// The same, with a line on its standard input.
pub(crate) fn output_given(command: &mut Command, line: &str) -> Outcome<String> {
    let (reader, mut writer) = io::pipe().doing("make a pipe")?;
    // A line fits into the pipe's own memory, so nobody need read it yet.
    writeln!(writer, "{line}").doing("write to a pipe")?;
    drop(writer);
    heard(command.stdin(reader))
}

/// The program of this name in the shell's search path.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    environment::search_path()
        .into_iter()
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

//! Talking to the person at the terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::environment;
use crate::failure::Failure;

/// Text behind which a terminal shows plain text again.
const PLAIN: &str = "\u{1b}[0m";

#[derive(Clone, Copy)]
pub(crate) enum Colour {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

pub(crate) fn coloured() -> bool {
    io::stdout().is_terminal() && environment::variable("NO_COLOR").is_none()
}

pub(crate) fn paint(colour: Colour, text: impl Display) -> String {
    let code = match colour {
        Colour::Bold => "1",
        Colour::Dim => "2",
        Colour::Red => "31",
        Colour::Green => "32",
        Colour::Yellow => "33",
    };
    if coloured() {
        format!("\u{1b}[{code}m{text}{PLAIN}")
    } else {
        text.to_string()
    }
}

/// One line, or several, as they are. A closed pipe is not an error: nobody is listening any more.
pub(crate) fn plain(text: impl Display) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}"));
    drop(out.flush());
}

pub(crate) fn note(text: impl Display) {
    plain(format!("{} {text}", paint(Colour::Dim, "·")));
}

pub(crate) fn warning(text: impl Display) {
    plain(format!("{} {text}", paint(Colour::Yellow, "!")));
}

pub(crate) fn bad(text: impl Display) {
    plain(format!("{} {text}", paint(Colour::Red, "✗")));
}

pub(crate) fn heading(text: impl Display) {
    plain(format!("\n{}", paint(Colour::Bold, text)));
}

/// The last word when a command could not do its work.
pub(crate) fn failure(failure: &Failure) {
    let mut out = io::stderr().lock();
    drop(writeln!(
        out,
        "{} {}",
        paint(Colour::Red, "cargo dev:"),
        failure.message()
    ));
    if let Some(advice) = failure.advice() {
        drop(writeln!(out, "{advice}"));
    }
}

/// A step whose time is told when it is done.
pub(crate) struct Step {
    what: String,
    begin: Instant,
}

impl Step {
    /// A step that is over in a moment: only its end is shown.
    pub(crate) fn quick(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            begin: Instant::now(),
        }
    }

    /// A step that takes a while or shows output of its own: its begin is shown too.
    pub(crate) fn long(what: impl Into<String>) -> Self {
        let step = Self::quick(what);
        note(format!("{} …", step.what));
        step
    }

    pub(crate) fn done(self) {
        let Self { what, begin } = self;
        let mark = paint(Colour::Green, "✓");
        plain(format!(
            "{mark} {what} {}",
            paint(Colour::Dim, seconds(begin.elapsed()))
        ));
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }
}

pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(10) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} s", time.as_secs())
    }
}

//! Why something could not be done, and what the person at the terminal can do about it.

use std::fmt::Display;
use std::io;

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Something on this machine is missing: `EX_UNAVAILABLE` of sysexits.h.
pub(crate) const MISSING: u8 = 69;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// Ended by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    advice: Option<String>,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            advice: None,
            code: 1,
        }
    }

    pub(crate) fn interrupted() -> Self {
        Self::new("interrupted").exit(INTERRUPTED)
    }

    /// What to do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Advice after what was said already.
    pub(crate) fn hint(self, hint: &str) -> Self {
        let advice = match &self.advice {
            Some(said) => format!("{said}\n{hint}"),
            None => hint.to_owned(),
        };
        self.advise(advice)
    }

    pub(crate) fn exit(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

/// Says what was being done when the system refused.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl Display) -> Outcome<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl Display) -> Outcome<T> {
        self.map_err(|error| Failure::new(format!("cannot {what}: {error}")))
    }
}

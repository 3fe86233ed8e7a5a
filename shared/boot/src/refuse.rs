//! Bad configuration is refused before any port opens, with what to do.

use std::{fmt, process::ExitCode};

use clap::{
    Parser,
    error::{ContextKind, ContextValue},
};

/// The exit code of a process that was told nonsense (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

/// A value that cannot be used. It names the flag, its environment variable
/// and what to do, and never quotes a secret.
#[derive(Clone, Debug)]
pub struct Misconfigured {
    flag: String,
    why: String,
}

impl Misconfigured {
    /// `flag` names the flag and its variable; `why` says what is wrong and
    /// what would be right.
    #[must_use]
    pub fn new(flag: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            flag: flag.into(),
            why: why.into(),
        }
    }

    /// Says it on stderr, for a process that ends by it.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        eprintln!("error: {self}\n\n--help explains every value.");
        ExitCode::from(USAGE)
    }
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flag, self.why)
    }
}

impl std::error::Error for Misconfigured {}

/// Reads flags and environment. The exit code is 0 where help was asked for,
/// 64 where a value cannot be used.
pub fn parse<C: Parser>() -> Result<C, ExitCode> {
    C::try_parse().map_err(|error| {
        // Printing can only fail where nobody reads.
        let _ = error.print();
        if !error.use_stderr() {
            return ExitCode::SUCCESS;
        }
        let variables = variables_of(&error, &C::command());
        if !variables.is_empty() {
            eprintln!("\nIn the environment: {}", variables.join(", "));
        }
        ExitCode::from(USAGE)
    })
}

/// The environment variables of the flags that an error is about.
fn variables_of(error: &clap::Error, command: &clap::Command) -> Vec<String> {
    let about: Vec<&str> = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(one)) => vec![one],
        Some(ContextValue::Strings(several)) => several.iter().map(String::as_str).collect(),
        _ => return Vec::new(),
    };
    command
        .get_arguments()
        .filter(|argument| {
            let flag = argument.get_long().map(|long| format!("--{long}"));
            about
                .iter()
                .any(|text| text.split_whitespace().next() == flag.as_deref())
        })
        .filter_map(|argument| argument.get_env())
        .map(|variable| variable.to_string_lossy().into_owned())
        .collect()
}

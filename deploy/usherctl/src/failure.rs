//! How a command fails: what happened, why, and what to do about it.

use std::{fmt, process::ExitCode};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why a command fails.
pub enum Failure {
    /// Usher refused, or did not answer.
    Refused(Box<Status>),
    /// The command makes no sense as it is.
    Usage(String),
    /// Something that the command names is not there.
    Missing(String),
    /// A file, or the terminal.
    Io(String),
    /// Whoever read the output has seen enough, such as `head`.
    Enough,
    /// Postgres, when migrating.
    Fault(String),
}

impl Failure {
    /// The command makes no sense as it is.
    pub fn usage(why: impl Into<String>) -> Failure {
        Failure::Usage(why.into())
    }

    /// Something about a file.
    pub fn io(what: impl fmt::Display, error: &std::io::Error) -> Failure {
        Failure::Io(format!("{what}: {error}"))
    }

    /// The class of the failure, as in sysexits.h.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Enough => 0,
            Failure::Usage(_) => 64,
            Failure::Missing(_) => 65,
            Failure::Io(_) => 74,
            Failure::Fault(_) => 70,
            Failure::Refused(status) => match status.code() {
                Code::Unauthenticated | Code::PermissionDenied => 77,
                Code::Unavailable | Code::DeadlineExceeded => 69,
                Code::ResourceExhausted | Code::Aborted => 75,
                Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::FailedPrecondition => 65,
                _ => 70,
            },
        })
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Refused(Box::new(status))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Enough => Ok(()),
            Failure::Usage(why)
            | Failure::Missing(why)
            | Failure::Io(why)
            | Failure::Fault(why) => write!(f, "error: {why}"),
            Failure::Refused(status) => refusal(f, status),
        }
    }
}

fn refusal(f: &mut fmt::Formatter<'_>, status: &Status) -> fmt::Result {
    let details = status.get_error_details();
    match details.error_info() {
        Some(info) => write!(f, "error: {}: {}", info.reason, status.message())?,
        None => write!(f, "error: {:?}: {}", status.code(), status.message())?,
    }
    let violations = details
        .bad_request()
        .map_or(&[][..], |bad| &bad.field_violations);
    // A single one is the message already.
    for violation in violations.iter().filter(|_| violations.len() > 1) {
        write!(f, "\n  {} {}", violation.field, violation.description)?;
    }
    if let Some(wait) = details.retry_info().and_then(|retry| retry.retry_delay) {
        write!(f, "\n  try again in {} s", wait.as_secs().max(1))?;
    }
    match advice(status) {
        Some(advice) => write!(f, "\n  {advice}"),
        None => Ok(()),
    }
}

/// What usually helps.
fn advice(status: &Status) -> Option<&'static str> {
    Some(match status.code() {
        Code::Unauthenticated => "sign in: usherctl login TENANT USERNAME",
        Code::PermissionDenied => "ask an admin of the tenant for a role that permits it",
        Code::Unavailable => "is the gateway there? See --gateway; else try again later",
        Code::DeadlineExceeded => "it took too long; try again later",
        Code::Aborted => "somebody changed it meanwhile; read it again",
        Code::Internal | Code::Unknown => "look the trace id up in the logs of the suite",
        _ => return None,
    })
}

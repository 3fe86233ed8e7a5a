//! The one error, and its one map to a status.
//!
//! An error is either a *refusal*, which the contract names and the caller is
//! told in full, or a *fault*, of which the caller learns nothing but the id of
//! the trace under which it was logged. `?` makes a fault of any
//! `std::error::Error`, a refusal of what says that a dependency is away, and
//! passes on the refusals of peers as they are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use contract::Reason;
use contract::errors::ErrorReason;
use tonic::{Code, Status};
use tonic_types::ErrorDetails;

mod cause;
mod status;

/// Any error, for keeping as a cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call fails. Not a `std::error::Error`, so that `?` converts all those.
pub struct Error(Kind);

enum Kind {
    Refusal(Box<Refusal>),
    Fault(Box<Fault>),
}

/// What the contract names and the caller is told.
struct Refusal {
    code: Code,
    domain: Cow<'static, str>,
    reason: Cow<'static, str>,
    message: String,
    metadata: HashMap<String, String>,
    details: ErrorDetails,
    /// What is behind it; logged, never told.
    cause: Option<BoxError>,
}

/// What went wrong inside; logged, never told.
struct Fault {
    message: String,
    cause: Option<BoxError>,
    at: &'static Location<'static>,
}

/// Turns a reason of the contract into an error.
pub trait Because: Reason {
    /// Refuses for this reason; `why` is told to the caller in these words.
    fn because(self, why: impl Into<String>) -> Error;
}

impl<R: Reason> Because for R {
    fn because(self, why: impl Into<String>) -> Error {
        Error::refuse(
            self.code(),
            R::DOMAIN.into(),
            self.name().into(),
            why.into(),
        )
    }
}

impl Error {
    fn refuse(
        code: Code,
        domain: Cow<'static, str>,
        reason: Cow<'static, str>,
        message: String,
    ) -> Self {
        let details = ErrorDetails::new();
        let refusal = Refusal {
            code,
            domain,
            reason,
            message,
            metadata: HashMap::new(),
            details,
            cause: None,
        };
        Self(Kind::Refusal(Box::new(refusal)))
    }

    /// A fault of ours in words for the log.
    #[track_caller]
    pub fn fault(message: impl Into<String>) -> Self {
        Self::broken(message.into(), None)
    }

    /// A fault of ours from an error that `?` does not take: a boxed one.
    #[track_caller]
    pub fn fault_of(cause: impl Into<BoxError>) -> Self {
        Self::broken(String::new(), Some(cause.into()))
    }

    #[track_caller]
    fn broken(message: String, cause: Option<BoxError>) -> Self {
        Self(Kind::Fault(Box::new(Fault {
            message,
            cause,
            at: Location::caller(),
        })))
    }

    /// `what` does not answer: `DEPENDENCY_UNAVAILABLE`. The cause goes to the log.
    pub fn unavailable(what: &'static str, cause: impl Into<BoxError>) -> Self {
        let error = ErrorReason::DependencyUnavailable
            .because(format!("{what} does not answer; try again later"));
        error.caused_by(cause.into())
    }

    /// A field breaks a rule that only the service can check: `FIELD_INVALID`.
    pub fn field(field: impl Into<String>, why: impl Into<String>) -> Self {
        let (field, why) = (field.into(), why.into());
        let error = ErrorReason::FieldInvalid.because(format!("{field} {why}"));
        error.detailed(|details| {
            details.add_bad_request_violation(field, why);
        })
    }

    /// Says which field a refusal is about and why: `google.rpc.BadRequest`.
    #[must_use]
    pub fn violation(self, field: impl Into<String>, why: impl Into<String>) -> Self {
        self.detailed(|details| {
            details.add_bad_request_violation(field, why);
        })
    }

    /// Adds to `google.rpc.ErrorInfo.metadata`, as the reason documents it.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "`with(\"seats\", 50)` reads better than `with(\"seats\", &50)`"
    )]
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        if let Kind::Refusal(refusal) = &mut self.0 {
            refusal.metadata.insert(key.to_owned(), value.to_string());
        }
        self
    }

    /// Says when to try again: `google.rpc.RetryInfo`.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        self.detailed(|details| {
            details.set_retry_info(Some(wait));
        })
    }

    /// Says which condition does not hold: `google.rpc.PreconditionFailure`.
    #[must_use]
    pub fn precondition(
        self,
        kind: impl Into<String>,
        subject: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        self.detailed(|details| {
            details.add_precondition_failure_violation(kind, subject, description);
        })
    }

    fn detailed(mut self, change: impl FnOnce(&mut ErrorDetails)) -> Self {
        if let Kind::Refusal(refusal) = &mut self.0 {
            change(&mut refusal.details);
        }
        self
    }

    fn caused_by(mut self, error: BoxError) -> Self {
        match &mut self.0 {
            Kind::Refusal(refusal) => refusal.cause = Some(error),
            Kind::Fault(fault) => fault.cause = Some(error),
        }
        self
    }

    /// Whether this is a refusal for that reason, ours or a peer's.
    pub fn is<R: Reason>(&self, reason: R) -> bool {
        self.reason() == Some((R::DOMAIN, reason.name()))
    }

    /// The status code that the caller gets.
    #[must_use]
    pub fn code(&self) -> Code {
        match &self.0 {
            Kind::Refusal(refusal) => refusal.code,
            Kind::Fault(_) => Code::Internal,
        }
    }

    /// The domain and name of a refusal's reason; `None` for a fault.
    #[must_use]
    pub fn reason(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Kind::Refusal(refusal) => Some((&refusal.domain, &refusal.reason)),
            Kind::Fault(_) => None,
        }
    }

    /// The code by which Postgres names what is behind the error (SQLSTATE), where
    /// Postgres is: for telling what may go away by itself.
    #[cfg(feature = "sqlx")]
    #[must_use]
    pub fn sqlstate(&self) -> Option<String> {
        let cause = match &self.0 {
            Kind::Refusal(refusal) => &refusal.cause,
            Kind::Fault(fault) => &fault.cause,
        };
        cause::sqlstate(cause.as_deref()?)
    }

    /// A refusal's words for the caller; a fault's words for the log.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.0 {
            Kind::Refusal(refusal) => &refusal.message,
            Kind::Fault(fault) => &fault.message,
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        let error: BoxError = Box::new(error);
        match error.downcast::<Status>() {
            Ok(status) => status::from_peer(*status),
            Err(error) if cause::is_away(&*error) => Self::unavailable("a dependency", error),
            Err(error) => Self::broken(String::new(), Some(error)),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.message.is_empty() { "" } else { ": " };
        match &self.cause {
            Some(cause) => write!(f, "{}{between}{}", self.message, cause::chain(&**cause)),
            None => f.write_str(&self.message),
        }
    }
}

/// For logs, not for callers: a fault shows its cause.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Refusal(refusal) => write!(f, "{}: {}", refusal.reason, refusal.message),
            Kind::Fault(fault) => write!(
                f,
                "fault at {}:{}: {fault}",
                fault.at.file(),
                fault.at.line()
            ),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;

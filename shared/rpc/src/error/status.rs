//! Errors and statuses: what a peer answered comes in here, what our caller is
//! told goes out here.

use std::collections::HashMap;

use contract::Reason;
use contract::errors::ErrorReason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Because, Error, Fault, Kind, Refusal, cause};

/// What a peer answered: its refusals are ours too, its faults are faults.
#[track_caller]
pub(super) fn from_peer(status: Status) -> Error {
    let details = status.get_error_details();
    let info = details
        .error_info()
        .filter(|info| info.domain.starts_with("usher."))
        .cloned();
    match (info, status.code()) {
        (Some(info), code) if code != Code::Internal => {
            let mut error = Error::refuse(
                code,
                info.domain.into(),
                info.reason.into(),
                status.message().to_owned(),
            );
            if let Kind::Refusal(refusal) = &mut error.0 {
                refusal.metadata = info.metadata;
                refusal.details = details;
            }
            error
        }
        (_, Code::Unavailable) => Error::unavailable("a service", status),
        (_, Code::DeadlineExceeded) => {
            ErrorReason::DeadlineExceeded.because("the deadline passed before the work was done")
        }
        _ => Error::broken("a peer failed".to_owned(), Some(Box::new(status))),
    }
}

/// The only map to a status. A fault is logged here, once.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error.0 {
            Kind::Refusal(refusal) => refusal.into_status(),
            Kind::Fault(fault) => fault.into_status(),
        }
    }
}

impl Refusal {
    fn into_status(mut self) -> Status {
        if let Some(cause) = &self.cause {
            let cause = cause::chain(&**cause);
            tracing::warn!(
                trace_id = crate::trace_id(),
                reason = &*self.reason,
                cause,
                "a dependency does not answer"
            );
        }
        self.details
            .set_error_info(self.reason, self.domain, self.metadata);
        Status::with_error_details(self.code, self.message, self.details)
    }
}

impl Fault {
    fn into_status(self) -> Status {
        let trace_id = crate::trace_id();
        let at = format!("{}:{}", self.at.file(), self.at.line());
        tracing::error!(trace_id, at, error = %self, "fault");
        let metadata = HashMap::from([("trace_id".to_owned(), trace_id.clone())]);
        let details = ErrorDetails::with_error_info(
            ErrorReason::Internal.name(),
            ErrorReason::DOMAIN,
            metadata,
        );
        Status::with_error_details(
            Code::Internal,
            format!("internal error; trace id {trace_id}"),
            details,
        )
    }
}

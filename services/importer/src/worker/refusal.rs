//! What invitation answered, and what that means for the rows.

use contract::{Reason as _, invitation::ErrorReason};
use prost::Message as _;
use rpc::Error;
use tonic::Code;
use tonic_types::pb;

/// A refusal, ours to write beside a row.
pub struct Refusal {
    /// Whether it says that the address belongs to a user.
    pub email_taken: bool,
    /// The reason and its words, such as
    /// `SEATS_EXHAUSTED: all 50 seats are in use`.
    pub words: String,
}

impl Refusal {
    /// Of one row.
    pub fn of_row(status: &pb::Status) -> Refusal {
        let info = status
            .details
            .iter()
            .find(|detail| detail.type_url.ends_with("/google.rpc.ErrorInfo"));
        let info = info
            .and_then(|detail| pb::ErrorInfo::decode(detail.value.as_slice()).ok())
            .unwrap_or_default();
        let taken = (ErrorReason::DOMAIN, ErrorReason::EmailTaken.name());
        let words = match info.reason.as_str() {
            "" => status.message.clone(),
            reason => format!("{reason}: {}", status.message),
        };
        Refusal {
            email_taken: (info.domain.as_str(), info.reason.as_str()) == taken,
            words,
        }
    }
}

/// What to do about a call that failed.
pub enum Failed {
    /// Something is away, or busy: no row is to blame, however long it takes.
    Later,
    /// Something is broken: it may be the rows, so it is tried only so often.
    Broken,
    /// The rows are refused as a whole, such as when the person who committed
    /// may no longer invite.
    Refused(String),
}

/// Sorts the error of a call.
pub fn failed(error: &Error) -> Failed {
    match (error.code(), error.reason()) {
        (
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            // Our own token may have run out on the way.
            | Code::Unauthenticated,
            _,
        ) => Failed::Later,
        (_, Some((_, reason))) => Failed::Refused(format!("{reason}: {}", error.message())),
        (_, None) => Failed::Broken,
    }
}

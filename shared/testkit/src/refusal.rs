//! Refusals as a caller sees them.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What a refused caller can tell a machine: code, reason, and the fields that
/// break a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// `google.rpc.ErrorInfo.reason`; empty without one.
    pub reason: String,
    /// `google.rpc.ErrorInfo.metadata`.
    pub metadata: HashMap<String, String>,
    /// The paths of `google.rpc.BadRequest`.
    pub fields: Vec<String>,
    /// Whether a `google.rpc.RetryInfo` says when to come back.
    pub retry: bool,
}

/// Reads a status.
#[must_use]
pub fn refusal(status: &Status) -> Refusal {
    let details = status.get_error_details();
    Refusal {
        code: status.code(),
        reason: details
            .error_info()
            .map(|info| info.reason.clone())
            .unwrap_or_default(),
        metadata: details
            .error_info()
            .map(|info| info.metadata.clone())
            .unwrap_or_default(),
        fields: details
            .bad_request()
            .map(|bad| {
                bad.field_violations
                    .iter()
                    .map(|one| one.field.clone())
                    .collect()
            })
            .unwrap_or_default(),
        retry: details.retry_info().is_some(),
    }
}

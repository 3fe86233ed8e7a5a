use std::io;
use std::time::Duration;

use contract::Reason;
use contract::errors::ErrorReason as Common;
use contract::identity::ErrorReason;
use proptest::prelude::*;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{Because, Error};

/// What every peer sees of an error, and makes of it.
fn through_a_peer(error: Error) -> (Status, Error) {
    let status = Status::from(error);
    let copy = Status::with_details(
        status.code(),
        status.message(),
        status.details().to_vec().into(),
    );
    (status, Error::from(copy))
}

proptest! {
    #[test]
    fn a_refusal_passes_through_peers_unchanged(why in ".{0,80}", value in ".{0,20}", millis in 0u64..100_000) {
        let refusal = || {
            ErrorReason::EmailTaken.because(why.clone())
                .with("email", &value)
                .retry_after(Duration::from_millis(millis))
                .precondition("STATE", "user", "is deleted")
        };
        let first = Status::from(refusal());
        let (second, passed) = through_a_peer(through_a_peer(refusal()).1);
        prop_assert!(passed.is(ErrorReason::EmailTaken));
        prop_assert_eq!(passed.message(), &why);
        prop_assert_eq!(first.code(), second.code());
        prop_assert_eq!(first.message(), second.message());
        let (first, second) = (first.get_error_details(), second.get_error_details());
        prop_assert_eq!(first.error_info().map(|info| &info.metadata), second.error_info().map(|info| &info.metadata));
        prop_assert_eq!(first.retry_info().and_then(|info| info.retry_delay), Some(Duration::from_millis(millis)));
        prop_assert_eq!(second.retry_info().and_then(|info| info.retry_delay), Some(Duration::from_millis(millis)));
        prop_assert_eq!(second.precondition_failure().map(|failure| failure.violations.len()), Some(1));
    }

    #[test]
    fn a_fault_tells_nothing(secret in "[a-z]{12,20}") {
        let causes: [Error; 3] = [
            Error::fault(secret.clone()),
            Error::from(secret.parse::<u32>().expect_err("it has no digits")).with("never", &secret),
            Error::from(Status::internal(secret.clone())),
        ];
        for cause in causes {
            let (status, passed) = through_a_peer(cause);
            prop_assert_eq!(status.code(), Code::Internal);
            let seen = format!("{status:?} {:?}", String::from_utf8_lossy(status.details()));
            prop_assert!(!seen.contains(&secret), "{}", seen);
            prop_assert!(status.message().starts_with("internal error; trace id "));
            // A peer's fault is our fault, not a refusal that a caller could act on.
            prop_assert_eq!(passed.reason(), None);
        }
    }
}

#[test]
fn a_dependency_that_is_away_is_said_to_be() {
    let away = Error::from(io::Error::from(io::ErrorKind::ConnectionRefused));
    assert!(away.is(Common::DependencyUnavailable));
    assert!(!Status::from(away).message().contains("refused"));

    let unavailable = Error::from(Status::unavailable("tcp connect error"));
    assert!(
        unavailable.is(Common::DependencyUnavailable) && unavailable.code() == Code::Unavailable
    );
    assert!(Error::from(Status::deadline_exceeded("")).is(Common::DeadlineExceeded));
}

#[test]
fn only_the_suite_names_reasons() {
    let details = ErrorDetails::with_error_info("EMAIL_TAKEN", "usher.example.com", []);
    let foreign = Error::from(Status::with_error_details(
        Code::AlreadyExists,
        "x",
        details,
    ));
    // The domain begins with ours, as any package may; the reason is its own.
    assert!(!foreign.is(ErrorReason::EmailTaken));
    let details = ErrorDetails::with_error_info("EMAIL_TAKEN", "example.com", []);
    assert_eq!(
        Error::from(Status::with_error_details(
            Code::AlreadyExists,
            "x",
            details
        ))
        .reason(),
        None
    );
    assert_eq!(ErrorReason::EmailTaken.name(), "EMAIL_TAKEN");
    assert_eq!(ErrorReason::DOMAIN, "usher.identity.v1");
}

#[test]
fn a_field_is_named() {
    let status = Status::from(Error::field("password", "is too short"));
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    assert_eq!(
        details
            .bad_request()
            .map(|bad| bad.field_violations[0].field.as_str()),
        Some("password")
    );
    assert_eq!(
        details.error_info().map(|info| info.reason.as_str()),
        Some("FIELD_INVALID")
    );
}

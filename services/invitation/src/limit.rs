//! How many mails an address may get, so that nobody is bombed with them.

use std::time::Duration;

use contract::invitation::ErrorReason;
use rpc::{Because as _, Error};

use crate::db::mails::Full;

/// The most mails of invitations from one tenant to one address in an hour.
pub(crate) const MOST_AN_HOUR: i32 = 3;

/// Refuses one more.
pub(crate) fn too_many_mails(full: &Full) -> Error {
    let wait = Duration::from_secs_f64(full.seconds.max(1.0));
    ErrorReason::TooManyMails
        .because("this address was sent enough mails for now; try again later")
        .retry_after(wait)
}

//! What an error of a library says about its cause.

use std::error::Error;
use std::io;

/// The error and all that is behind it, in one line. A level that repeats the
/// one above is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Whether the other side is away or busy, rather than either side wrong.
pub fn is_away(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .any(|error| error.downcast_ref::<io::Error>().is_some() || database_is_away(error))
}

/// The code by which Postgres names what is behind the error.
#[cfg(feature = "sqlx")]
pub fn sqlstate(error: &(dyn Error + 'static)) -> Option<String> {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<sqlx::Error>()?.as_database_error())
        .find_map(|error| Some(error.code()?.into_owned()))
}

#[cfg(not(feature = "sqlx"))]
fn database_is_away(_: &(dyn Error + 'static)) -> bool {
    false
}

/// Connections that cannot be had, and the answers of Postgres after which a
/// repeated transaction may succeed.
#[cfg(feature = "sqlx")]
fn database_is_away(error: &(dyn Error + 'static)) -> bool {
    /// Serialization failure, deadlock, too many connections, lock timeout,
    /// statement timeout, three kinds of shutdown and start-up.
    const AGAIN: [&str; 8] = [
        "40001", "40P01", "53300", "55P03", "57014", "57P01", "57P02", "57P03",
    ];
    match error.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed) => {
            true
        }
        Some(sqlx::Error::Database(error)) => {
            error.code().is_some_and(|code| AGAIN.contains(&&*code))
        }
        _ => false,
    }
}

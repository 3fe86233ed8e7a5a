//! Stories through the gateway, named after the requirement or the bar that
//! they hold.

mod acceptance;
mod access;
mod alike;
mod audit;
mod authority;
mod bulk;
mod classes;
mod connections;
mod delivery;
mod demo;
mod devices;
mod directory;
mod domains;
mod editing;
mod erasure;
mod factors;
mod imports;
mod invitations;
mod inviting;
mod listing;
mod lockout;
mod logins;
mod mails;
mod mutants;
mod notices;
mod operating;
mod passwords;
mod policies;
mod properties;
mod readme;
mod revocation;
mod seats;
mod secrets;
mod service_accounts;
mod sessions;
mod skew;
mod sms;
mod tenancy;
mod tokens;
mod unfinished;
mod users;
mod walks;

/// Asserts that a call was refused with this reason.
macro_rules! assert_refused {
    ($call:expr, $reason:literal) => {{
        let status = $call.expect_err(concat!("refused with ", $reason));
        let refusal = testkit::refusal(&status);
        assert_eq!(refusal.reason, $reason, "{status:?}");
        refusal
    }};
}
pub(crate) use assert_refused;

//! What a password must be, and how it is kept.
//!
//! Kept is `argon2id(HMAC(key, password))` with the parameters of OWASP's
//! password storage cheat sheet (19 MiB, two passes, one lane). The HMAC under
//! a key that is not in the database makes a stolen table useless by itself,
//! and gives every password the same length before the slow part.

mod blocklist;
mod hashing;
mod kept;
mod rules;

pub use hashing::{Hashing, KEY_VERSION, Place};
pub use rules::check;

//! The app on a person's phone.

use std::time::{SystemTime, UNIX_EPOCH};

use totp_rs::Totp;

/// An authenticator (RFC 6238) with one enrolled secret.
pub struct Authenticator(Totp);

impl Authenticator {
    /// Reads the URI that a QR image holds.
    ///
    /// # Panics
    /// When it is not an `otpauth` URI.
    #[must_use]
    pub fn scan(otpauth_uri: &str) -> Self {
        Self(Totp::from_url(otpauth_uri).unwrap_or_else(|error| panic!("not scannable: {error}")))
    }

    /// The code that the phone shows `steps` periods from now: 0 is the current
    /// one. A code works once, so a second login in the same half minute needs
    /// the next; servers take one that is a step early.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a phone goes by the time of the world"
    )]
    pub fn code(&self, steps: i64) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let at = now.saturating_add_signed(steps * 30);
        self.0.generate(at).to_string()
    }
}

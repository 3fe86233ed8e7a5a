//! Forgotten passwords (requirement P-02).
//!
//! Asking is answered before anything is looked up, so the answer and its time
//! tell nothing (B-1). The mail is sent by invitation, which hears of the
//! event and asks for the token while it renders the mail.

pub mod request;
pub mod reset;

/// What reset tokens are hashed for.
pub const PURPOSE: &str = "password reset token";

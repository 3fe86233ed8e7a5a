//! One mail as it was taken.

use crate::mime;

/// One delivered mail: its envelope, and what a reader would see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number in this mailbox, counted from 1, never used twice.
    pub id: u64,
    /// The envelope's sender; empty for a bounce.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The decoded `Subject`.
    pub subject: String,
    /// The first plain-text part, decoded; empty when there is none.
    pub text: String,
    /// The first HTML part, decoded; empty when there is none.
    pub html: String,
    /// The mail as it came over the wire, dot-unstuffed, with CRLF line ends.
    pub raw: Vec<u8>,
    /// When it was taken: RFC 3339, UTC, to the millisecond.
    pub received: String,
}

impl Message {
    pub(crate) fn new(
        id: u64,
        from: String,
        to: Vec<String>,
        received: String,
        raw: Vec<u8>,
    ) -> Self {
        let mime::Reading {
            subject,
            text,
            html,
        } = mime::read(&raw);
        Self {
            id,
            from,
            to,
            subject,
            text,
            html,
            raw,
            received,
        }
    }

    /// Whether this address is among the recipients. Case does not matter.
    #[must_use]
    pub fn is_to(&self, address: &str) -> bool {
        self.to.iter().any(|to| to.eq_ignore_ascii_case(address))
    }

    /// The value of a header, decoded and unfolded; the first one when it is repeated.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        mime::header(&self.raw, name)
    }

    /// The first link in the mail's text (or, without text, its HTML) that starts so.
    #[must_use]
    pub fn link(&self, start: &str) -> Option<&str> {
        let body = if self.text.is_empty() {
            &self.html
        } else {
            &self.text
        };
        let link = &body[body.find(start)?..];
        let end = link
            .find(|c: char| c.is_whitespace() || "\"'<>)".contains(c))
            .unwrap_or(link.len());
        Some(&link[..end])
    }
}

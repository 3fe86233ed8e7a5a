//! Failing on request: what a test asks the mailbox to do wrong.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The moment of a delivery at which a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A client has connected; instead of the greeting.
    Connect,
    /// `EHLO` or `HELO`.
    Hello,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA`, before the mail itself is sent.
    Data,
    /// The mail has been sent; it is **not** kept.
    Body,
    /// The mail has been sent and **is** kept: the client is only left in doubt about it.
    Kept,
}

/// What happens when a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    Reply(String),
    Drop,
    Silence(Duration),
}

/// One thing that goes wrong, a number of times.
#[derive(Clone, Debug)]
pub struct Fault {
    at: Verb,
    recipient: Option<String>,
    blow: Blow,
    left: Option<u32>,
}

impl Fault {
    /// Answers with this line, such as `451 4.3.0 try later` (temporary) or `550 5.1.1 no such user`
    /// (permanent), every time until [`Fault::times`] says otherwise.
    #[must_use]
    pub fn reply(at: Verb, line: impl Into<String>) -> Self {
        Self {
            at,
            recipient: None,
            blow: Blow::Reply(line.into()),
            left: None,
        }
    }

    /// Closes the connection without a word, every time until [`Fault::times`] says otherwise.
    #[must_use]
    pub fn drop_connection(at: Verb) -> Self {
        Self {
            at,
            recipient: None,
            blow: Blow::Drop,
            left: None,
        }
    }

    /// Says nothing for so long and then closes the connection, every time until [`Fault::times`]
    /// says otherwise.
    #[must_use]
    pub fn silence(at: Verb, time: Duration) -> Self {
        Self {
            at,
            recipient: None,
            blow: Blow::Silence(time),
            left: None,
        }
    }

    /// Strikes this often, then never again.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.left = Some(times);
        self
    }

    /// Strikes only mail to this address (so only from [`Verb::Rcpt`] on).
    #[must_use]
    pub fn only_to(mut self, address: impl Into<String>) -> Self {
        self.recipient = Some(address.into());
        self
    }

    fn strikes(&self, at: Verb, recipients: &[String]) -> bool {
        let meant = self
            .recipient
            .as_ref()
            .is_none_or(|meant| recipients.iter().any(|to| to.eq_ignore_ascii_case(meant)));
        self.at == at && self.left != Some(0) && meant
    }
}

/// The faults that are waiting to strike.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The fault that strikes here, if any; one of its times is used up.
    pub(crate) fn strike(&self, at: Verb, recipients: &[String]) -> Option<Blow> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults
            .iter_mut()
            .find(|fault| fault.strikes(at, recipients))?;
        if let Some(left) = &mut fault.left {
            *left -= 1;
        }
        Some(fault.blow.clone())
    }
}

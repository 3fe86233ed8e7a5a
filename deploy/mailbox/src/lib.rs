//! A mail server for development and tests: it takes every mail, delivers none, keeps them to be
//! looked at, and fails on request.
//!
//! Owned here: the receiving side of SMTP (RFC 5321 with PIPELINING, 8BITMIME and SIZE), reading a
//! mail's text and HTML parts, a small web page and JSON over HTTP, and faults for tests.
//! Never done here: sending, authentication, TLS, or anything else a mail server on a network needs.
//! It listens where it is told to and trusts whoever connects, so give it loopback addresses.
//!
//! ```
//! use std::time::Duration;
//! use usher_mailbox::{Fault, Mailbox, Verb};
//!
//! # fn main() -> std::io::Result<()> {
//! let mailbox = Mailbox::start_on_loopback()?;
//! mailbox.fault(Fault::reply(Verb::Rcpt, "451 4.3.0 try later").times(2));
//! // … point a mailer at mailbox.smtp_url(), then:
//! let mails = mailbox.wait_for(0, Duration::from_secs(5));
//! assert!(mails.is_ok_and(|mails| mails.is_empty()));
//! # Ok(())
//! # }
//! ```

mod fault;
mod inbox;
mod json;
mod keep;
mod listen;
mod message;
mod mime;
mod smtp;
mod time;
mod view;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use fault::{Fault, Verb};
pub use inbox::TooFew;
pub use message::Message;

use inbox::Inbox;
use listen::Listener;

/// A running mail catcher. It stops, and closes every connection, when it is dropped.
#[derive(Debug)]
pub struct Mailbox {
    inbox: Arc<Inbox>,
    smtp: Listener,
    http: Listener,
}

impl Mailbox {
    /// Starts taking mail at `smtp` and showing it at `http`; port 0 means any free one.
    ///
    /// With `dir`, mails are kept there as files and those of an earlier run are there again.
    ///
    /// # Errors
    /// When an address cannot be listened on, or `dir` cannot be read or written.
    pub fn start(smtp: SocketAddr, http: SocketAddr, dir: Option<PathBuf>) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::open(dir)?);
        let to_smtp = Arc::clone(&inbox);
        let to_view = Arc::clone(&inbox);
        Ok(Self {
            inbox,
            smtp: Listener::start(smtp, "mailbox-smtp", move |stream| {
                smtp::serve(&stream, &to_smtp);
            })?,
            http: Listener::start(http, "mailbox-http", move |stream| {
                view::serve(&stream, &to_view);
            })?,
        })
    }

    /// Starts on two free loopback ports and keeps mails in memory only: what a test wants.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub fn start_on_loopback() -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::start(any, any, None)
    }

    /// Where mail is taken.
    #[must_use]
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp.addr()
    }

    /// Where mail is shown.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http.addr()
    }

    /// The address a mailer is configured with, such as `smtp://127.0.0.1:2525`.
    #[must_use]
    pub fn smtp_url(&self) -> String {
        format!("smtp://{}", self.smtp_addr())
    }

    /// The address a person opens, such as `http://127.0.0.1:8025`.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http_addr())
    }

    /// Every mail taken so far, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Arc<Message>> {
        self.inbox.all()
    }

    /// The mails one address received, oldest first. Case of the address does not matter.
    #[must_use]
    pub fn messages_to(&self, address: &str) -> Vec<Arc<Message>> {
        self.inbox.to(address)
    }

    /// Waits until at least `count` mails are here, and returns them all. Blocks the thread.
    ///
    /// # Errors
    /// [`TooFew`] with what had come when `patience` ran out.
    pub fn wait_for(&self, count: usize, patience: Duration) -> Result<Vec<Arc<Message>>, TooFew> {
        self.inbox.wait(count, patience, |_| true)
    }

    /// Waits until `address` has received at least `count` mails, and returns those. Blocks the thread.
    ///
    /// # Errors
    /// [`TooFew`] with what had come when `patience` ran out.
    pub fn wait_for_mail_to(
        &self,
        address: &str,
        count: usize,
        patience: Duration,
    ) -> Result<Vec<Arc<Message>>, TooFew> {
        self.inbox.wait(count, patience, |mail| mail.is_to(address))
    }

    /// Forgets every mail, on disk too.
    pub fn clear(&self) {
        self.inbox.clear();
    }

    /// Fails from now on as the fault says, until it is used up. Faults are tried in the order given.
    pub fn fault(&self, fault: Fault) {
        self.inbox.faults().add(fault);
    }

    /// Forgets all faults.
    pub fn heal(&self) {
        self.inbox.faults().clear();
    }
}

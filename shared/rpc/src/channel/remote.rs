//! The HTTP/2 side of a channel across the network.

use std::collections::HashMap;
use std::error::Error as _;
use std::iter::successors;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::Uri;
use tokio::runtime::{Handle, Id};
use tonic::transport::{Channel, Endpoint, Error};
use tonic::{Code, Status, TimeoutExpired};

/// The connections to one peer: one for each runtime that calls it, made and
/// driven there. A process with a runtime per core thus has a connection per
/// core, and so has its peer; one for all would be the work of one core.
pub struct Connections {
    endpoint: Endpoint,
    open: RwLock<HashMap<Id, Channel>>,
}

impl Connections {
    pub fn to(uri: Uri) -> Self {
        Self {
            endpoint: endpoint(uri),
            open: RwLock::default(),
        }
    }

    /// The connection of the runtime that asks.
    pub fn here(&self) -> Channel {
        let runtime = Handle::current().id();
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = open.get(&runtime) {
            return channel.clone();
        }
        drop(open);
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let made = || self.endpoint.connect_lazy();
        open.entry(runtime).or_insert_with(made).clone()
    }
}

/// All limits are said here, because the defaults of the layers below differ
/// with their versions.
fn endpoint(uri: Uri) -> Endpoint {
    Endpoint::from(uri)
        // A peer that is there accepts at once; one that is not is asked again.
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(30)))
        // Finds out within 15 s that a peer vanished without a word, also while
        // no call waits, so that the next call does not have to find out.
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        // One stream holds up to 1 MiB that nobody has read yet, all streams of
        // a connection 8 MiB.
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(8 * 1024 * 1024)
        .http2_max_header_list_size(16 * 1024)
        // Calls that wait for the connection; more are refused.
        .buffer_size(1024)
}

/// A call to which there was no answer. Whatever came between, the callee could
/// not be asked.
pub fn status(error: Error) -> Status {
    let mut chain = successors(error.source(), |&error| error.source());
    if chain.any(<dyn std::error::Error>::is::<TimeoutExpired>) {
        // tonic keeps the deadline, too, and was first to notice.
        return super::too_late().into();
    }
    unanswered(Status::from_error(Box::new(error)))
}

/// What the layers below call an error of their own is a callee that is away.
pub fn unanswered(status: Status) -> Status {
    match status.code() {
        Code::Unknown | Code::Internal | Code::Unavailable => {
            crate::Error::unavailable("a service", status).into()
        }
        _ => status,
    }
}

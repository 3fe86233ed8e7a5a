//! Bodies that are read as a whole, and bodies that hold something.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use contract::errors::ErrorReason;
use http_body::Frame;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tonic::Status;
use tonic::body::Body;

use crate::Because;

/// tonic's bound of a message, 4 MiB, and the five bytes before it.
const MOST: usize = 4 * 1024 * 1024 + 5;
/// How long a message may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the body of a call with one message: no further than a message may be
/// long, and no longer than one may take. A caller that hangs up meanwhile is
/// its own affair, not a fault of ours.
pub async fn read(body: Body) -> Result<Bytes, Status> {
    let whole = Limited::new(body, MOST).collect();
    match tokio::time::timeout(PATIENCE, whole).await {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ErrorReason::FieldInvalid
            .because("the message is longer than 4 MiB")
            .into()),
        Ok(Err(error)) => Err(error.downcast::<Status>().map_or_else(
            |_| Status::cancelled("the message did not come whole"),
            |status| *status,
        )),
        Err(_) => Err(ErrorReason::DeadlineExceeded
            .because("the message did not come within 10 seconds")
            .into()),
    }
}

/// The body again.
#[must_use]
pub fn again(read: Bytes) -> Body {
    Body::new(Full::new(read))
}

/// A body that keeps something until it has been sent, or is given up.
pub struct Holding<T> {
    body: Body,
    _held: T,
}

impl<T> Holding<T> {
    /// Keeps `held` for as long as the body.
    pub fn new(body: Body, held: T) -> Self {
        Self { body, _held: held }
    }
}

impl<T: Unpin> http_body::Body for Holding<T> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

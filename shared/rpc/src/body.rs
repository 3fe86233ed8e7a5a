//! Bodies that have to be read as a whole before they are handed on.

use bytes::Bytes;
use contract::errors::ErrorReason;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tonic::body::Body;

use crate::{Because, Error};

/// tonic's bound of a message, 4 MiB, and the five bytes before it.
const MOST: usize = 4 * 1024 * 1024 + 5;

/// Reads the body of a call with one message, no further than a message may be
/// long.
pub async fn read(body: Body) -> Result<Bytes, Error> {
    match Limited::new(body, MOST).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ErrorReason::FieldInvalid.because("the message is longer than 4 MiB"))
        }
        Err(error) => Err(Error::fault_of(error)),
    }
}

/// The body again.
pub fn again(read: Bytes) -> Body {
    Body::new(Full::new(read))
}

//! Answers that break off: they end as every answer of gRPC does, with a status.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

use super::remote::unanswered;

/// Sees to it that an answer whose callee is gone in the middle of it ends with
/// `DEPENDENCY_UNAVAILABLE`, whoever reads it: a client of ours, or through the
/// gateway a client of theirs, who would else see a broken stream.
pub fn with_status(response: Response<Body>) -> Response<Body> {
    response.map(|body| Body::new(Ending(Some(body))))
}

/// The rest of an answer; nothing after its end.
struct Ending(Option<Body>);

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let broken = match ready!(Pin::new(body).poll_frame(context)) {
            Some(Err(broken)) => broken,
            whole => return Poll::Ready(whole),
        };
        self.0 = None;
        let mut trailers = HeaderMap::new();
        unanswered(broken).add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn a_broken_answer_ends_with_a_status() {
        let frames = [
            Ok(Frame::data(Bytes::from_static(b"a piece"))),
            Err(Status::internal("h2 protocol error")),
        ];
        let broken = Body::new(StreamBody::new(futures::stream::iter(frames)));
        let answer = with_status(Response::new(broken));
        let whole = answer
            .into_body()
            .collect()
            .await
            .expect("no broken stream");
        let trailers = whole.trailers().expect("trailers").clone();
        assert_eq!(whole.to_bytes(), "a piece");
        let status = Status::from_header_map(&trailers).expect("a status");
        assert_eq!(status.code(), Code::Unavailable);
    }
}

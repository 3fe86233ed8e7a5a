//! Messages that do not come whole, or are none.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::StreamBody;
use tokio::time::Instant;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;

use crate::fakes::{Behind, GET_USER, KEY_SET, SIGNED, call, send};

/// A public method that may not be repeated.
const LOGIN: &str = "/usher.identity.v1.LoginService/Login";

type Frames = Vec<Result<http_body::Frame<Bytes>, Status>>;

#[expect(clippy::unnecessary_wraps, reason = "a body may fail instead")]
fn frame(bytes: usize) -> Result<http_body::Frame<Bytes>, Status> {
    Ok(http_body::Frame::data(vec![0; bytes].into()))
}

/// Some frames, and then nothing for ever.
fn unfinished(frames: Frames) -> Body {
    let silence = futures::stream::pending();
    Body::new(StreamBody::new(tokio_stream::iter(frames).chain(silence)))
}

fn finished(frames: Frames) -> Body {
    Body::new(StreamBody::new(tokio_stream::iter(frames)))
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_is_given_up_whatever_deadline_it_has() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    for path in [KEY_SET, LOGIN] {
        let began = Instant::now();
        let headers = [("grpc-timeout", "99999999H")];
        let request = call(path, "203.0.113.7", &headers);
        let request = request.map(|_| unfinished(vec![frame(3)]));
        let (status, _) = send(&gateway, request).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{path}");
        assert!(began.elapsed() < Duration::from_secs(11), "{path}");
    }
    assert_eq!(behind.count(), 0);
}

/// Whoever finishes no message takes a few places, and not those of others.
#[tokio::test(start_paused = true)]
async fn one_address_is_not_waited_for_more_than_so_often() {
    let behind = Behind::default();
    let gateway = behind.gateway(&["--rate-burst", "10000"], None);
    let calls = (0..1500).map(async |_| {
        let request = call(KEY_SET, "203.0.113.7", &[]).map(|_| unfinished(Vec::new()));
        send(&gateway, request).await.0.code()
    });
    let answers = futures::future::join_all(calls).await;
    let waited = answers
        .iter()
        .filter(|code| **code == Code::DeadlineExceeded)
        .count();
    let refused = answers
        .iter()
        .filter(|code| **code == Code::ResourceExhausted)
        .count();
    assert_eq!((waited, refused), (1024, 476));
    // What is here is not waited for, and places are given back.
    for body in [Body::empty(), unfinished(Vec::new())] {
        let request = call(KEY_SET, "203.0.113.7", &[]).map(|_| body);
        let (status, _) = send(&gateway, request).await;
        assert_ne!(status.code(), Code::ResourceExhausted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_credential_is_refused_before_its_message_is_read() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    let began = Instant::now();
    let request = call(GET_USER, "203.0.113.7", &[]).map(|_| unfinished(Vec::new()));
    let (status, _) = send(&gateway, request).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(
        status.get_error_details().error_info().unwrap().reason,
        "CREDENTIAL_MISSING"
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_as_such() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    for path in [KEY_SET, GET_USER, LOGIN] {
        let request = call(path, "203.0.113.7", &[SIGNED]);
        let request = request.map(|_| finished((0..5).map(|_| frame(1 << 20)).collect()));
        let (status, _) = send(&gateway, request).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{path}");
    }
    assert_eq!(behind.count(), 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_no_fault() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    for path in [KEY_SET, GET_USER, LOGIN] {
        let request = call(path, "203.0.113.7", &[SIGNED]);
        let gone = Err(Status::cancelled("reset by the client"));
        let request = request.map(|_| finished(vec![frame(3), gone]));
        let (status, _) = send(&gateway, request).await;
        assert_eq!(status.code(), Code::Cancelled, "{path}");
    }
    assert_eq!(behind.count(), 0);
}

//! What can be reached from outside, and where it goes.

use contract::Rule;
use http_body_util::BodyExt as _;
use tonic::{Code, body::Body};

use crate::fakes::{Behind, GET_USER, SIGNED, call, send};

#[tokio::test]
async fn every_method_for_callers_reaches_its_service_and_no_other_method_does() {
    let behind = Behind::default();
    let gateway = behind.gateway(
        &["--rate-burst", "10000", "--attempts-burst", "10000"],
        None,
    );
    for method in contract::methods() {
        let before = behind.count();
        let (status, _) = send(&gateway, call(method.path, "203.0.113.7", &[SIGNED])).await;
        let inside = matches!(method.rule, None | Some(Rule::Suite(_)))
            || method.name == "IssueServiceToken";
        if inside {
            assert_eq!(status.code(), Code::Unimplemented, "{}", method.path);
            assert_eq!(behind.count(), before, "{}", method.path);
        } else {
            assert_eq!(status.code(), Code::Ok, "{}", method.path);
            assert_eq!(behind.last().path, method.path);
            assert_eq!(Some(behind.last().service), boot::serving(method.package));
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_exactly_a_method_goes_nowhere() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    for path in [
        "/",
        "/usher.identity.v1.UserService/",
        "/usher.identity.v1.UserService/NoSuchMethod",
        "/usher.identity.v1.UserService/GetUser/",
        "//usher.identity.v1.UserService/GetUser",
        "/usher.identity.v1.UserService//GetUser",
        "/usher.identity.v1.UserService/./GetUser",
        "/usher.identity.v1.UserService/%47etUser",
        "/usher.identity.v1.UserService/getuser",
        "/usher.identity.v1.NoSuchService/GetUser",
        "/usher.feed.v1.FeedService/ReadEvents",
        "/x/../usher.identity.v1.UserService/GetUser",
    ] {
        let (status, _) = send(&gateway, call(path, "203.0.113.7", &[])).await;
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
    }
    assert_eq!(behind.count(), 0);
}

#[tokio::test]
async fn nothing_of_the_uri_but_the_method_travels_on() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    let uri = format!("https://evil.example{GET_USER}?tenant=acme");
    let (status, _) = send(&gateway, call(&uri, "203.0.113.7", &[SIGNED])).await;
    assert_eq!(status.code(), Code::Ok);
    assert_eq!(behind.last().path, GET_USER);
}

#[tokio::test]
async fn a_stream_passes_undecoded() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    let method = contract::methods()
        .iter()
        .find(|method| method.client_streaming)
        .expect("the contract has an upload");
    let frames = (0..100_u8).map(|byte| {
        Ok::<_, tonic::Status>(http_body::Frame::data(bytes::Bytes::from(vec![byte; 1000])))
    });
    let body = http_body_util::StreamBody::new(tokio_stream::iter(frames));
    let request = call(method.path, "203.0.113.7", &[SIGNED]).map(|_| Body::new(body));
    let response = tower::ServiceExt::oneshot(gateway, request)
        .await
        .expect("an answer");
    response
        .into_body()
        .collect()
        .await
        .expect("a whole answer");
    let expected: Vec<u8> = (0..100_u8).flat_map(|byte| vec![byte; 1000]).collect();
    assert_eq!(behind.last().body, expected);
}

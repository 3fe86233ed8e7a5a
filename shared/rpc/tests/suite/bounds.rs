//! How long a call may take, how many run at once, and on how many connections.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::errors::ErrorReason;
use contract::feed::ReadEventsRequest;
use contract::feed::feed_service_client::FeedServiceClient;
use http::{Request, Response};
use rpc::{BoxedService, Channel, Error, Limits, Stack};
use tonic::body::Body;
use tonic::transport::server::{Server, TcpConnectInfo, TcpIncoming};
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::island::{Running, as_service, start, start_with};

fn hang() -> tonic::Request<ReadEventsRequest> {
    tonic::Request::new(ReadEventsRequest {
        producer: "hang".to_owned(),
        ..Default::default()
    })
}

/// The layers of a gateway before a service.
fn before<S, F>(running: &Running, limits: Limits, service: S) -> BoxedService
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send,
{
    let service = tower::service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service(request).await) }
    });
    let stack = Stack {
        service: "edge",
        verifier: running.verifier.clone(),
        decisions: Arc::new(rpc::Decisions::new(running.channel.clone())),
        limits,
        authorize: false,
    };
    rpc::stack(service, stack)
}

#[tokio::test(start_paused = true)]
async fn a_caller_cannot_ask_for_more_time_than_there_is() {
    let running = start_with(Limits {
        longest_deadline: Duration::from_mins(1),
        ..Limits::default()
    });
    let channel = as_service(&running.island, &running.channel, "importer");
    let mut call = hang();
    call.metadata_mut()
        .insert("grpc-timeout", "99999999H".parse().expect("text"));
    let mut client = FeedServiceClient::new(channel);
    let begun = tokio::time::Instant::now();
    let answer = tokio::time::timeout(Duration::from_hours(1), client.read_events(call));
    let status = answer.await.expect("an answer").expect_err("it hangs");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < Duration::from_secs(61));
}

/// The deadline of the edge, not the channel's own patience, bounds a call that
/// brings none.
#[tokio::test(start_paused = true)]
async fn the_default_deadline_reaches_the_service() {
    let running = start();
    let onward = as_service(&running.island, &running.channel, "importer");
    let limits = Limits {
        default_deadline: Duration::from_secs(30),
        ..Limits::default()
    };
    let edge = before(&running, limits, move |request| {
        let answer = onward.clone().oneshot(request);
        async move { answer.await.unwrap_or_else(Status::into_http) }
    });
    let request = Request::post("/usher.feed.v1.FeedService/ReadEvents")
        .header("content-type", "application/grpc")
        .body(Body::new(http_body_util::Full::new(
            // An empty message.
            bytes::Bytes::from_static(&[0; 5]),
        )))
        .expect("a request");
    let _ = edge.oneshot(request).await;
    let left = *running.island.left.lock().expect("no panic");
    assert!(left > Some(Duration::from_secs(20)), "{left:?}");
}

#[tokio::test]
async fn a_stream_counts_until_it_ends() {
    let running = start();
    let limits = Limits {
        in_flight: 1,
        ..Limits::default()
    };
    let silent = async |_| {
        let (sender, silence) = tokio::sync::mpsc::channel::<()>(1);
        let silence = futures::stream::unfold((silence, sender), async |(mut ends, keep)| {
            ends.recv().await;
            Some((
                Ok::<_, Status>(http_body::Frame::data(bytes::Bytes::new())),
                (ends, keep),
            ))
        });
        let mut response = Response::new(Body::new(http_body_util::StreamBody::new(silence)));
        let kind = "application/grpc".parse().expect("a header");
        response.headers_mut().insert("content-type", kind);
        response
    };
    let edge = before(&running, limits, silent);
    let streaming = contract::methods()
        .iter()
        .find(|method| method.server_streaming)
        .expect("the contract has a watch");
    let call = || {
        let request = Request::post(streaming.path).body(Body::empty());
        edge.clone().oneshot(request.expect("a request"))
    };
    let first = call().await.expect("an answer");
    let refused = call().await.expect("an answer");
    let status = Status::from_header_map(refused.headers()).expect("a refusal");
    assert!(Error::from(status).is(ErrorReason::Overloaded));
    drop(first);
    let again = call().await.expect("an answer");
    assert!(Status::from_header_map(again.headers()).is_none());
}

/// The connections that calls came by.
type Seen = Arc<Mutex<HashSet<SocketAddr>>>;

async fn listening(seen: Seen) -> Channel {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let uri = format!("http://{}", listener.local_addr().expect("an address"));
    let service = tower::service_fn(move |request: Request<Body>| {
        let from = request.extensions().get::<TcpConnectInfo>();
        let from = from.and_then(TcpConnectInfo::remote_addr).expect("a peer");
        seen.lock().expect("no panic").insert(from);
        async { Ok::<_, Infallible>(Status::ok("").into_http::<Body>()) }
    });
    tokio::spawn(Server::builder().serve_with_incoming(service, TcpIncoming::from(listener)));
    Channel::remote(uri.parse().expect("an address"))
}

/// Each thread that answers calls has a runtime of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_runtime_has_a_connection_of_its_own() {
    let seen = Seen::default();
    let channel = listening(seen.clone()).await;
    let call = async move || {
        let request = Request::post("/a/b").body(Body::empty());
        let request = request.expect("a request");
        channel.clone().oneshot(request).await.expect("an answer");
    };
    for _ in 0..3 {
        call().await;
    }
    assert_eq!(seen.lock().expect("no panic").len(), 1);
    for _ in 0..2 {
        let call = call.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(call());
            runtime.block_on(call());
        });
        tokio::task::spawn_blocking(move || thread.join().expect("no panic"))
            .await
            .expect("no panic");
    }
    assert_eq!(seen.lock().expect("no panic").len(), 3);
}

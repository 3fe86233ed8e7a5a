//! Deadlines, retries, limits and panics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use contract::errors::ErrorReason;
use contract::feed::ReadEventsRequest;
use contract::feed::feed_service_client::FeedServiceClient;
use contract::identity::token_service_client::TokenServiceClient;
use contract::identity::{GetKeySetRequest, IssueServiceTokenRequest};
use rpc::{Channel, Error, Limits};
use tonic::Code;

use crate::island::{as_service, start, start_with};

fn read(producer: &str) -> ReadEventsRequest {
    ReadEventsRequest {
        producer: producer.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_deadline_ends_the_work_and_is_handed_on() {
    let running = start();
    let mut feed =
        FeedServiceClient::new(as_service(&running.island, &running.channel, "importer"));
    let mut hang = tonic::Request::new(read("hang"));
    hang.set_timeout(Duration::from_millis(50));
    let begun = std::time::Instant::now();
    let status = feed.read_events(hang).await.expect_err("it hangs");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(begun.elapsed() < Duration::from_secs(2));

    let mut brief = tonic::Request::new(read("identity"));
    brief.set_timeout(Duration::from_secs(3));
    feed.read_events(brief).await.expect("there is time");
    let left = running
        .island
        .left
        .lock()
        .expect("no panic")
        .expect("a deadline");
    assert!(
        left <= Duration::from_secs(3) && left > Duration::from_secs(2),
        "{left:?}"
    );
}

#[tokio::test]
async fn nothing_begins_after_the_deadline() {
    let running = start();
    let mut feed =
        FeedServiceClient::new(as_service(&running.island, &running.channel, "importer"));
    feed.read_events(read("identity")).await.expect("it works");
    let reads = running.island.reads.load(Ordering::Relaxed);
    let mut late = tonic::Request::new(read("identity"));
    late.set_timeout(Duration::ZERO);
    assert_eq!(
        feed.read_events(late).await.expect_err("too late").code(),
        Code::DeadlineExceeded
    );
    assert_eq!(running.island.reads.load(Ordering::Relaxed), reads);
}

#[tokio::test]
async fn reads_are_repeated_a_few_times() {
    let running = start();
    let mut feed =
        FeedServiceClient::new(as_service(&running.island, &running.channel, "importer"));
    running.island.away.store(2, Ordering::Relaxed);
    feed.read_events(read("identity"))
        .await
        .expect("the third time");
    assert_eq!(running.island.reads.load(Ordering::Relaxed), 3);
    running.island.away.store(1000, Ordering::Relaxed);
    for _ in 0..60 {
        let status = feed.read_events(read("identity")).await.expect_err("away");
        assert!(Error::from(status).is(ErrorReason::DependencyUnavailable));
    }
    let tries = running.island.reads.load(Ordering::Relaxed) - 3;
    assert!(
        tries <= 60 + 16,
        "retries are bounded by the budget, but there were {tries} tries"
    );
}

#[tokio::test]
async fn a_panic_is_one_answer_and_tells_nothing() {
    let running = start();
    let mut feed =
        FeedServiceClient::new(as_service(&running.island, &running.channel, "importer"));
    let status = feed
        .read_events(read("panic"))
        .await
        .expect_err("it panics");
    assert_eq!(status.code(), Code::Internal);
    assert!(!format!("{status:?}").contains("canary"));
    feed.read_events(read("identity"))
        .await
        .expect("the next call works");
}

#[tokio::test]
async fn more_than_the_limit_is_refused() {
    let running = start_with(Limits {
        in_flight: 0,
        ..Limits::default()
    });
    // Not a method that would be repeated for seconds: the refusal itself matters.
    let mut token = TokenServiceClient::new(running.channel.clone());
    let status = token
        .get_key_set(GetKeySetRequest {})
        .await
        .expect_err("full");
    assert!(Error::from(status).is(ErrorReason::Overloaded));
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let (unbound, _binding) = Channel::late();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    let remote = Channel::remote(format!("http://{closed}").parse().expect("an address"));
    for channel in [unbound, remote] {
        let ask = IssueServiceTokenRequest {
            service: "x".into(),
            key: "y".into(),
        };
        let status = TokenServiceClient::new(channel)
            .issue_service_token(ask)
            .await
            .expect_err("nobody");
        assert!(Error::from(status).is(ErrorReason::DependencyUnavailable));
    }
}

/// The same stack, across the network.
#[tokio::test]
async fn a_remote_service_is_called_like_a_local_one() {
    let running = start();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let uri = format!("http://{}", listener.local_addr().expect("an address"));
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let service = tower::service_fn(move |request: http::Request<tonic::body::Body>| {
        let mut channel = running.channel.clone();
        async move {
            Ok::<_, std::convert::Infallible>(
                tower::Service::call(&mut channel, request)
                    .await
                    .expect("an answer"),
            )
        }
    });
    tokio::spawn(tonic::transport::Server::builder().serve_with_incoming(service, incoming));
    let remote = Channel::remote(uri.parse().expect("an address"));
    let mut feed = FeedServiceClient::new(as_service(&running.island, &remote, "importer"));
    feed.read_events(read("identity")).await.expect("it works");
    let mut hang = tonic::Request::new(read("hang"));
    hang.set_timeout(Duration::from_millis(100));
    let status = feed.read_events(hang).await.expect_err("it hangs");
    assert!(Error::from(status).is(ErrorReason::DeadlineExceeded));
}

//! Callers that are too fast are told so, and a Redis that is away makes the
//! limit stricter, not looser.

use std::time::Duration;

use rpc::BoxedService;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::fakes::{Behind, GET_USER, KEY_SET, call, send};

const SLOW: [&str; 4] = ["--rate-per-second", "1", "--rate-burst", "20"];

/// How many of `count` calls pass.
async fn passed(gateway: &BoxedService, count: usize, from: &str) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        let (status, _) = send(gateway, call(KEY_SET, from, &[])).await;
        match status.code() {
            Code::Ok => passed += 1,
            code => assert_eq!(code, Code::ResourceExhausted, "{status:?}"),
        }
    }
    passed
}

fn away() -> boot::Redis {
    // A port that nobody listens on: reserved by binding it without listening
    // would do no better, and port 1 is free everywhere.
    boot::Redis::new("redis://127.0.0.1:1", "test:").expect("a URL")
}

#[tokio::test]
async fn without_redis_a_caller_gets_half() {
    let behind = Behind::default();
    for redis in [None, Some(away())] {
        let gateway = behind.gateway(&SLOW, redis);
        assert_eq!(passed(&gateway, 40, "203.0.113.7").await, 10);
        assert_eq!(
            passed(&gateway, 40, "203.0.113.8").await,
            10,
            "another address is its own"
        );
    }
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back() {
    let behind = Behind::default();
    let gateway = behind.gateway(&SLOW, None);
    passed(&gateway, 40, "203.0.113.7").await;
    let (status, _) = send(&gateway, call(KEY_SET, "203.0.113.7", &[])).await;
    let details = status.get_error_details();
    let reason = details.error_info().expect("a reason");
    assert_eq!(
        (reason.reason.as_str(), reason.domain.as_str()),
        ("RATE_LIMITED", "usher.errors.v1")
    );
    let wait = details
        .retry_info()
        .and_then(|retry| retry.retry_delay)
        .expect("a delay");
    assert!(
        wait > Duration::ZERO && wait <= Duration::from_secs(2),
        "{wait:?}"
    );
}

#[tokio::test]
async fn attempts_to_log_in_are_limited_more_than_calls() {
    let behind = Behind::default();
    let flags = ["--attempts-per-minute", "1", "--attempts-burst", "10"];
    let gateway = behind.gateway(&flags, None);
    let attempt = contract::methods()
        .iter()
        .find(|method| method.service.ends_with(".LoginService"))
        .expect("the contract has a login");
    let mut answered = 0;
    for _ in 0..40 {
        let (status, _) = send(&gateway, call(attempt.path, "203.0.113.7", &[])).await;
        answered += usize::from(status.code() == Code::Ok);
    }
    assert_eq!(answered, 5);
    assert_eq!(passed(&gateway, 40, "203.0.113.7").await, 40, "calls go on");
}

#[tokio::test]
async fn inventing_tokens_does_not_help() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    let invented: Vec<String> = (0..1000)
        .map(|number| format!("invented-{number}"))
        .collect();
    behind.revoked.lock().unwrap().clone_from(&invented);
    let mut refused = 0;
    for token in &invented {
        let bearer = format!("Bearer {token}");
        let (status, _) = send(
            &gateway,
            call(GET_USER, "203.0.113.7", &[("authorization", &bearer)]),
        )
        .await;
        assert_ne!(status.code(), Code::Ok);
        refused += usize::from(status.code() == Code::ResourceExhausted);
    }
    let asked = behind.exchanges.load(std::sync::atomic::Ordering::SeqCst);
    assert!(asked < 400, "identity was asked {asked} times");
    assert_eq!(refused + asked, 1000);
}

/// A public method takes them for nobody, but it takes no more of them.
#[tokio::test(start_paused = true)]
async fn inventing_tokens_all_at_once_does_not_help_either() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    let invented: Vec<String> = (0..500)
        .map(|number| format!("invented-{number}"))
        .collect();
    behind.revoked.lock().unwrap().clone_from(&invented);
    let calls = invented.iter().map(async |token| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        send(&gateway, call(KEY_SET, "203.0.113.7", &headers))
            .await
            .0
    });
    let answers = futures::future::join_all(calls).await;
    let passed = answers.iter().filter(|one| one.code() == Code::Ok).count();
    let asked = behind.exchanges.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!((asked, passed), (200, 200));
    // Nor does the crowd of another address pay for it.
    let (status, _) = send(
        &gateway,
        call(KEY_SET, "203.0.113.8", &[("authorization", "Bearer good")]),
    )
    .await;
    assert_eq!(status.code(), Code::Ok);
}

#[tokio::test]
async fn a_call_with_an_invented_token_counts_as_one_of_its_address() {
    let behind = Behind::default();
    let gateway = behind.gateway(&SLOW, None);
    behind.revoked.lock().unwrap().push("invented".into());
    let mut passed = 0;
    for _ in 0..40 {
        let headers = [("authorization", "Bearer invented")];
        let (status, _) = send(&gateway, call(KEY_SET, "203.0.113.7", &headers)).await;
        passed += usize::from(status.code() == Code::Ok);
    }
    let (status, _) = send(&gateway, call(KEY_SET, "203.0.113.7", &[])).await;
    assert_eq!((passed, status.code()), (10, Code::ResourceExhausted));
}

/// An office is one address: what proves good is given back.
#[tokio::test]
async fn good_tokens_of_one_address_do_not_count_against_it() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    for number in 0..600 {
        let bearer = format!("Bearer good-{number}");
        let headers = [("authorization", bearer.as_str())];
        let (status, _) = send(&gateway, call(GET_USER, "203.0.113.7", &headers)).await;
        assert_eq!(status.code(), Code::Ok, "{number}");
    }
}

/// With a Redis that answers, two gateways keep one limit together.
#[expect(
    clippy::disallowed_methods,
    reason = "`cargo dev test` says by it where its Redis is"
)]
#[tokio::test]
async fn gateways_share_a_limit() {
    let Ok(url) = std::env::var("USHER_TEST_REDIS") else {
        eprintln!("USHER_TEST_REDIS is not set: cargo dev test sets it");
        return;
    };
    let behind = Behind::default();
    let prefix = format!("test-{}:", uuid::Uuid::new_v4());
    let redis = boot::Redis::new(&url, &prefix).expect("a URL");
    let gateways = [
        behind.gateway(&SLOW, Some(redis.clone())),
        behind.gateway(&SLOW, Some(redis)),
    ];
    let mut sum = 0;
    for _ in 0..20 {
        for gateway in &gateways {
            sum += passed(gateway, 1, "203.0.113.7").await;
        }
    }
    // The whole burst, and what came back meanwhile.
    assert!((20..=22).contains(&sum), "{sum}");
}

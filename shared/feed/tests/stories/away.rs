//! A Redis that does not answer costs a caller next to nothing (B-64).

use std::time::Duration;

use feed::Redis;
use tokio::{net::TcpListener, time::Instant};

#[tokio::test]
async fn b_64_a_silent_redis_is_given_up_and_then_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("bound"));
    // Connections are accepted by the kernel, and nobody ever reads them.
    let redis = Redis::new(&url, "").expect("a URL");
    let began = Instant::now();
    redis
        .query::<String>(&redis::cmd("PING"))
        .await
        .expect_err("no answer");
    // 100 ms, and room for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(redis.is_down());
    for _ in 0..1000 {
        if redis.is_down() {
            redis
                .query::<String>(&redis::cmd("PING"))
                .await
                .expect_err("no answer");
        }
    }
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "1,000 calls were not 1,000 waits"
    );
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_an_error_and_not_a_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let redis = Redis::new(&url, "").expect("a URL");
    redis
        .query::<String>(&redis::cmd("PING"))
        .await
        .expect_err("refused");
    assert!(redis.is_down());
}

#[tokio::test]
async fn keys_carry_the_prefix() {
    let redis = Redis::new("redis://127.0.0.1:1", "mine:").expect("a URL");
    assert_eq!(redis.key("limits"), "mine:limits");
}

//! Tokens from outside become tokens that services verify, and stop doing so
//! within a second of their end.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use tokio::time::{Instant, advance};
use tonic::Code;

use crate::fakes::{Behind, GET_USER, SIGNED, call, send};

const TOKEN: (&str, &str) = ("authorization", "Bearer opaque");

#[tokio::test(start_paused = true)]
async fn many_calls_at_once_ask_identity_once() {
    let behind = Behind::default();
    let gateway = behind.gateway(&["--rate-burst", "10000"], None);
    // More than the false tokens that one address may try.
    let calls = (0..1000).map(|_| send(&gateway, call(GET_USER, "203.0.113.7", &[TOKEN])));
    for (status, _) in futures::future::join_all(calls).await {
        assert_eq!(status.code(), Code::Ok);
    }
    assert_eq!(behind.exchanges.load(SeqCst), 1);
    assert_eq!(
        behind.last().headers["authorization"],
        "Bearer jwt.of-opaque.at-"
    );
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_works_for_a_second_at_most_however_often_it_is_used() {
    let behind = Behind::default();
    let gateway = behind.gateway(&["--rate-burst", "10000"], None);
    let once = || send(&gateway, call(GET_USER, "203.0.113.7", &[TOKEN]));
    assert_eq!(once().await.0.code(), Code::Ok);
    behind.revoked.lock().unwrap().push("opaque".into());
    let revoked = Instant::now();
    while once().await.0.code() == Code::Ok {
        advance(Duration::from_millis(10)).await;
        assert!(revoked.elapsed() < Duration::from_secs(2), "still believed");
    }
    assert!(
        revoked.elapsed() <= Duration::from_millis(1010),
        "{:?}",
        revoked.elapsed()
    );
}

/// Half of the callers come at once, half while identity still thinks.
#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_slow_answer_do_not_ask_one_after_the_other() {
    for failing in [false, true] {
        let behind = Behind::default();
        behind.slow.store(2000, SeqCst);
        behind.failing.store(failing, SeqCst);
        let gateway = behind.gateway(&["--rate-burst", "1000"], None);
        let calls = (0..50).map(async |number| {
            tokio::time::sleep(Duration::from_millis(number % 2 * 500)).await;
            send(&gateway, call(GET_USER, "203.0.113.7", &[TOKEN]))
                .await
                .0
        });
        let began = Instant::now();
        for status in futures::future::join_all(calls).await {
            assert_eq!(status.code() == Code::Ok, !failing, "{status:?}");
        }
        assert!(behind.exchanges.load(SeqCst) <= 2);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn one_tenants_token_is_not_another_tenants() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    for tenant in ["acme", "globex"] {
        let headers = [TOKEN, ("usher-tenant", tenant)];
        send(&gateway, call(GET_USER, "203.0.113.7", &headers)).await;
        let expected = format!("Bearer jwt.of-opaque.at-{tenant}");
        assert_eq!(behind.last().headers["authorization"], expected.as_str());
    }
}

#[tokio::test]
async fn a_stale_token_refuses_what_needs_one_and_not_a_new_login() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    behind.revoked.lock().unwrap().push("opaque".into());
    let (status, _) = send(&gateway, call(GET_USER, "203.0.113.7", &[TOKEN])).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(behind.count(), 0);
    let login = "/usher.identity.v1.LoginService/StartLogin";
    let login = contract::methods()
        .iter()
        .find(|method| method.path == login || method.service.ends_with(".LoginService"))
        .expect("the contract has a login");
    let (status, _) = send(&gateway, call(login.path, "203.0.113.7", &[TOKEN])).await;
    assert_eq!(status.code(), Code::Ok);
    assert!(!behind.last().headers.contains_key("authorization"));
}

#[tokio::test]
async fn b_14_a_signed_token_from_outside_is_exchanged_like_any_other() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    send(&gateway, call(GET_USER, "203.0.113.7", &[SIGNED])).await;
    assert_ne!(behind.last().headers["authorization"], SIGNED.1);
    assert_eq!(behind.exchanges.load(SeqCst), 1);
}

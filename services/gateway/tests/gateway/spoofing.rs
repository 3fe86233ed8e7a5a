//! B-81: nothing a caller says about itself is believed behind the gateway.

use http::HeaderMap;

use crate::fakes::{Behind, GET_USER, KEY_SET, call, send};

/// Headers with which somebody might pass for somebody else. Each value holds
/// a mark by which it is recognised.
const SPOOFS: [(&str, &str); 22] = [
    ("usher-service", "spoof.spoof.spoof"),
    ("usher-actor", "spoof-018f0000-0000-7000-8000-000000000001"),
    ("usher-home", "spoof-018f0000-0000-7000-8000-000000000001"),
    ("usher-tenant", "spoof"),
    ("usher-client-address", "spoof-127.0.0.1"),
    ("usher-request-id", "spoof"),
    ("usher-anything", "spoof"),
    ("Usher-Service", "spoof"),
    ("x-forwarded-for", "spoof, 127.0.0.1"),
    ("x-forwarded-host", "spoof.example"),
    ("x-forwarded-proto", "spoof"),
    ("x-forwarded-user", "spoof"),
    ("forwarded", "for=spoof"),
    ("x-real-ip", "spoof"),
    ("x-user-id", "spoof"),
    ("x-tenant-id", "spoof"),
    ("x-original-uri", "/spoof"),
    ("x-envoy-external-address", "spoof"),
    ("cookie", "session=spoof"),
    ("proxy-authorization", "Bearer spoof"),
    ("te", "spoof"),
    ("connection", "spoof"),
];

/// How many headers say what the caller said. What identity minted does not
/// count: it decided itself whether the tenant that was named may be.
fn honoured(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .filter(|(name, _)| *name != http::header::AUTHORIZATION)
        .filter(|(_, value)| value.to_str().is_ok_and(|text| text.contains("spoof")))
        .count()
}

#[tokio::test]
async fn spoofed_headers_are_honoured_zero_times() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    for credential in [None, Some("Bearer a.b.c")] {
        for (name, value) in SPOOFS {
            let mut headers = vec![(name, value)];
            headers.extend(credential.map(|value| ("authorization", value)));
            let (status, _) = send(&gateway, call(KEY_SET, "203.0.113.7", &headers)).await;
            assert_eq!(status.code(), tonic::Code::Ok, "{name}");
            let seen = behind.last().headers;
            assert_eq!(honoured(&seen), 0, "{name}: {seen:?}");
            assert_eq!(seen["usher-client-address"], "203.0.113.7");
        }
    }
}

/// The control: without the gateway between, the same headers do arrive.
#[tokio::test]
async fn the_same_headers_arrive_where_no_gateway_is() {
    let behind = Behind::default();
    for (name, value) in SPOOFS {
        let identity = behind.channel("identity");
        let request = call(GET_USER, "203.0.113.7", &[(name, value)]);
        tower::ServiceExt::oneshot(identity, request)
            .await
            .expect("the service answers");
        assert_ne!(honoured(&behind.last().headers), 0, "{name}");
    }
}

#[tokio::test]
async fn the_tenant_of_an_operator_reaches_identity_and_nobody_else() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    let headers = [("authorization", "Bearer opaque"), ("usher-tenant", "acme")];
    send(&gateway, call(GET_USER, "203.0.113.7", &headers)).await;
    let seen = behind.last().headers;
    assert_eq!(seen["authorization"], "Bearer jwt.of-opaque.at-acme");
    assert!(!seen.contains_key("usher-tenant"));
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let behind = Behind::default();
    let gateway = behind.gateway(&["--trusted-proxies", "10.0.0.0/8"], None);
    let headers = [("x-forwarded-for", "1.1.1.1, 198.51.100.9")];
    send(&gateway, call(KEY_SET, "10.0.0.1", &headers)).await;
    assert_eq!(
        behind.last().headers["usher-client-address"],
        "198.51.100.9"
    );
    send(&gateway, call(KEY_SET, "203.0.113.7", &headers)).await;
    assert_eq!(behind.last().headers["usher-client-address"], "203.0.113.7");
}

#[tokio::test]
async fn every_answer_carries_the_request_id() {
    let behind = Behind::default();
    let gateway = behind.gateway(&[], None);
    let own = "018f0000-0000-7000-8000-00000000000a";
    let (_, headers) = send(
        &gateway,
        call(KEY_SET, "203.0.113.7", &[("usher-request-id", own)]),
    )
    .await;
    assert_eq!(headers["usher-request-id"], own);
    assert_eq!(behind.last().headers["usher-request-id"], own);
    let (_, headers) = send(&gateway, call("/no.such/Method", "203.0.113.7", &[])).await;
    let minted = headers["usher-request-id"].to_str().unwrap();
    assert_eq!(uuid::Uuid::try_parse(minted).unwrap().get_version_num(), 7);
}

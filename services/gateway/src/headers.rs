//! What of a caller's headers reaches a service: a short list, and nothing
//! else. What a service believes about a caller is set here and only here.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use rpc::headers::{CLIENT_ADDRESS, REQUEST_ID, TENANT, TIMEOUT};
use uuid::Uuid;

/// The headers that pass. `te` is set afresh: it belongs to one connection. The
/// channel to the service names the trace.
const PASSED: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
    TIMEOUT,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
];

/// What a caller says about itself.
#[derive(Debug)]
pub(crate) struct Claimed {
    /// The credential after `Bearer`, whatever it is.
    pub credential: Option<String>,
    /// The tenant it names.
    pub tenant: Option<String>,
    /// The id of the request: its own where it is a UUID, else a fresh one.
    pub request_id: HeaderValue,
}

impl Claimed {
    /// Reads the claims; `fresh` is the id of a request that brings none.
    pub(crate) fn read(headers: &HeaderMap, fresh: Uuid) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let credential = text(&header::AUTHORIZATION).and_then(|value| {
            let (scheme, rest) = value.split_once(' ')?;
            let rest = rest.trim();
            let bearer = scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty();
            bearer.then(|| rest.to_owned())
        });
        let id = text(&REQUEST_ID)
            .and_then(|id| Uuid::try_parse(id).ok())
            .unwrap_or(fresh);
        Self {
            credential,
            tenant: text(&TENANT).map(str::to_owned),
            // A UUID in text is a header value always.
            request_id: HeaderValue::try_from(id.to_string())
                .unwrap_or_else(|_| HeaderValue::from_static("")),
        }
    }
}

/// The headers that a service sees.
pub(crate) fn forwarded(
    headers: &HeaderMap,
    claimed: &Claimed,
    address: Option<IpAddr>,
    bearer: Option<HeaderValue>,
) -> HeaderMap {
    let mut clean = HeaderMap::with_capacity(PASSED.len() + 4);
    for name in &PASSED {
        // One value each: a second one is read by some and ignored by others.
        if let Some(value) = headers.get(name) {
            clean.insert(name, value.clone());
        }
    }
    clean.insert(header::TE, HeaderValue::from_static("trailers"));
    clean.insert(REQUEST_ID, claimed.request_id.clone());
    if let Some(value) = address.and_then(|ip| HeaderValue::try_from(ip.to_string()).ok()) {
        clean.insert(CLIENT_ADDRESS, value);
    }
    if let Some(bearer) = bearer {
        clean.insert(header::AUTHORIZATION, bearer);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::try_from(*name).unwrap(),
                    HeaderValue::try_from(*value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn nothing_that_names_a_caller_passes() {
        let spoofed = headers(&[
            ("usher-service", "eyJ.a.b"),
            ("usher-actor", "018f0000-0000-7000-8000-000000000001"),
            ("usher-home", "018f0000-0000-7000-8000-000000000001"),
            ("usher-tenant", "acme"),
            ("usher-client-address", "127.0.0.1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("x-user-id", "root"),
            ("x-tenant-id", "acme"),
            ("cookie", "a=b"),
            ("te", "gzip"),
            ("connection", "keep-alive"),
            ("authorization", "Bearer opaque"),
            ("traceparent", "00-0af7-b7ad-01"),
            ("content-type", "application/grpc"),
        ]);
        let claimed = Claimed::read(&spoofed, Uuid::nil());
        let clean = forwarded(&spoofed, &claimed, "203.0.113.7".parse().ok(), None);
        let mut left: Vec<(&str, &str)> = clean
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                ("content-type", "application/grpc"),
                ("te", "trailers"),
                ("usher-client-address", "203.0.113.7"),
                ("usher-request-id", "00000000-0000-0000-0000-000000000000"),
            ]
        );
    }

    #[test]
    fn a_request_id_from_outside_is_taken_only_where_it_is_a_uuid() {
        let own = "018f0000-0000-7000-8000-00000000000a";
        let read = |id: &str| Claimed::read(&headers(&[("usher-request-id", id)]), Uuid::max());
        assert_eq!(read(own).request_id, own);
        assert_eq!(
            read("1; drop table").request_id,
            Uuid::max().to_string().as_str()
        );
    }

    #[test]
    fn only_bearer_credentials_count() {
        let read = |value: &str| {
            Claimed::read(&headers(&[("authorization", value)]), Uuid::nil()).credential
        };
        assert_eq!(read("bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("Bearer "), None);
        assert_eq!(read("Bearer"), None);
    }
}

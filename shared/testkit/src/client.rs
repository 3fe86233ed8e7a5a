//! A caller: a channel and what the caller sends along.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    task::{Context, Poll},
};

use http::{HeaderName, HeaderValue, Request};
use rpc::Channel;
use tonic::body::Body;
use tower_service::Service;

/// Where callers are who come through no port.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 7);

/// A channel that sends headers along; every generated client takes it.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Client {
    /// A caller without a credential.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self {
            channel,
            headers: Vec::new(),
        }
    }

    /// The same caller, signed in.
    #[must_use]
    pub fn signed_in(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The same caller, acting in another tenant: its id or its short name.
    #[must_use]
    pub fn in_tenant(&self, tenant: &str) -> Self {
        self.with("usher-tenant", tenant)
    }

    /// The same caller with one more header, or another value of it.
    ///
    /// # Panics
    /// When the name or the value cannot be a header.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_static(name);
        let value =
            HeaderValue::from_str(value).unwrap_or_else(|error| panic!("no header value: {error}"));
        let mut client = self.clone();
        client.headers.retain(|(known, _)| *known != name);
        client.headers.push((name, value));
        client
    }
}

impl Service<Request<Body>> for Client {
    type Response = <Channel as Service<Request<Body>>>::Response;
    type Error = <Channel as Service<Request<Body>>>::Error;
    type Future = <Channel as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        // What the port would add; a suite in this process has none.
        request.extensions_mut().insert(rpc::Peer(ADDRESS));
        self.channel.call(request)
    }
}

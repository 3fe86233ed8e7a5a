//! The operator's port: `/metrics`, `/healthz` and `/readyz` over HTTP/1.1.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Encoder as _, Registry, TextEncoder};
use tokio::{net::TcpListener, sync::watch};

/// Seconds in which a request must have come whole.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// What the port tells.
#[derive(Clone)]
pub(crate) struct Ops {
    pub metrics: Registry,
    /// True while the process wants calls.
    pub ready: watch::Receiver<bool>,
}

/// Opens the port.
pub(crate) fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves the port for as long as the process lives: it answers during the
/// exit too.
pub(crate) async fn serve(listener: std::net::TcpListener, ops: Ops) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the operator's port cannot be served");
            return;
        }
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let ops = ops.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let response = ops.answer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

impl Ops {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => self.exposition(),
            (&Method::GET, "/healthz") => text(StatusCode::OK, "alive\n"),
            (&Method::GET, "/readyz") if *self.ready.borrow() => text(StatusCode::OK, "ready\n"),
            (&Method::GET, "/readyz") => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            _ => text(StatusCode::NOT_FOUND, "/metrics /healthz /readyz\n"),
        }
    }

    fn exposition(&self) -> Response<Full<Bytes>> {
        let encoder = TextEncoder::new();
        let mut body = Vec::new();
        if let Err(error) = encoder.encode(&self.metrics.gather(), &mut body) {
            tracing::error!(%error, "writing the metrics failed");
            return text(StatusCode::INTERNAL_SERVER_ERROR, "see the log\n");
        }
        let mut response = Response::new(Full::from(body));
        if let Ok(kind) = encoder.format_type().parse() {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        response
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}

//! One connection: bounded, timed, and ended gracefully.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rpc::body::Holding;
use tokio::{net::TcpStream, time::Instant};
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::{Http2Args, listen::Port};

/// How often a connection is looked at for having nothing to do.
const GLANCE: Duration = Duration::from_secs(2);
/// Calls at a time on one connection, where nobody says.
const STREAMS: u32 = 200;
/// Frames of the size that every HTTP/2 implementation must take (RFC 9113,
/// 4.2): larger ones only let one call hold up the others.
const FRAME: u32 = 16_384;
/// Bytes that a caller may send ahead of a handler, per call and in all.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of replies that wait for a slow reader, per call.
const SEND_BUFFER: usize = 256 * 1024;
/// Calls that the caller reset before we saw them (CVE-2023-44487), and calls
/// that we reset for the caller's errors (CVE-2025-8671): beyond these the
/// connection is closed.
const PENDING_RESETS: usize = 20;
const LOCAL_RESETS: usize = 256;

fn protocol(bounds: &Http2Args) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.max_concurrent_streams.unwrap_or(STREAMS))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .max_header_list_size(bounds.max_header_bytes)
        .max_frame_size(FRAME)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(Duration::from_secs(bounds.keepalive_seconds.max(1)))
        .keep_alive_timeout(Duration::from_secs(bounds.keepalive_timeout_seconds.max(1)));
    builder
}

/// Serves one connection to its end.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, port: Port) {
    // A reply is one small packet: waiting to fill it would cost 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "connection ended before it began");
        return;
    }
    let activity = Activity::new();
    let calls = activity.clone();
    let service = port.service.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        answer(service.clone(), request, peer, calls.begin())
    });
    let connection = protocol(&port.http2).serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    let age = tokio::time::sleep(with_jitter(port.http2.max_connection_age_seconds));
    let mut age = pin!(age);
    let mut glance = tokio::time::interval(GLANCE);
    let mut ending = false;
    // Set when it begins to end: whoever never ends a call does not keep it.
    let mut grace = pin!(tokio::time::sleep(Duration::MAX));
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "connection ended");
                }
                return;
            }
            () = port.cut.cancelled() => return,
            () = grace.as_mut(), if ending => {
                tracing::debug!(%peer, "connection cut: its calls did not end");
                return;
            }
            () = port.stop.cancelled(), if !ending => ending = true,
            () = age.as_mut(), if !ending => ending = true,
            _ = glance.tick(), if !ending => match activity.verdict(&port.http2) {
                Verdict::Keep => continue,
                Verdict::Drop => return,
                Verdict::End => ending = true,
            },
        }
        connection.as_mut().graceful_shutdown();
        let seconds = port.http2.max_connection_grace_seconds;
        grace
            .as_mut()
            .reset(Instant::now() + Duration::from_secs(seconds));
    }
}

async fn answer(
    service: rpc::BoxedService,
    request: Request<Incoming>,
    peer: SocketAddr,
    call: Call,
) -> Result<Response<Holding<Call>>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(rpc::Peer(peer));
    let response = service.oneshot(request).await?;
    Ok(response.map(|body| Holding::new(body, call)))
}

/// A tenth more or less, so that connections opened together do not end
/// together.
fn with_jitter(seconds: u64) -> Duration {
    Duration::from_secs(seconds.max(1)).mul_f64(rand::random_range(0.9..1.1))
}

/// What a connection has been doing.
#[derive(Clone)]
struct Activity(Arc<Mutex<Past>>);

struct Past {
    running: usize,
    any: bool,
    since: Instant,
}

enum Verdict {
    Keep,
    Drop,
    End,
}

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Past {
            running: 0,
            any: false,
            since: Instant::now(),
        })))
    }

    fn begin(&self) -> Call {
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        past.running += 1;
        past.any = true;
        Call(self.clone())
    }

    fn verdict(&self, bounds: &Http2Args) -> Verdict {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = past.since.elapsed();
        if !past.any && quiet >= Duration::from_secs(bounds.first_call_seconds) {
            // Half a handshake or half a header: nobody to say goodbye to.
            Verdict::Drop
        } else if past.any
            && past.running == 0
            && quiet >= Duration::from_secs(bounds.max_connection_idle_seconds)
        {
            Verdict::End
        } else {
            Verdict::Keep
        }
    }
}

/// A call in flight, from its headers to the last byte of its answer.
struct Call(Activity);

impl Drop for Call {
    fn drop(&mut self) {
        let mut past = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        past.running -= 1;
        past.since = Instant::now();
    }
}

//! The port of calls: one listener per thread, all on one address.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures::FutureExt as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Http2Args, connection};

/// Connections that the kernel holds for us until we accept them.
const BACKLOG: i32 = 1024;

/// What all threads that answer calls share.
#[derive(Clone)]
pub(crate) struct Port {
    pub service: rpc::BoxedService,
    pub http2: Arc<Http2Args>,
    /// One permit per open connection.
    pub connections: Arc<Semaphore>,
    /// Cancelled: accept no more, ask every connection to end.
    pub stop: CancellationToken,
    /// Cancelled: drop the connections that did not end.
    pub cut: CancellationToken,
}

/// Opens `count` listeners on one address, among which the kernel spreads the
/// connections. Refused where another process listens there already, which
/// the sharing would otherwise hide.
pub(crate) fn open(address: SocketAddr, count: usize) -> io::Result<Vec<std::net::TcpListener>> {
    if address.port() != 0 {
        let alone = socket(address)?;
        alone.bind(&address.into())?;
    }
    let first = shared(address)?;
    // Port 0 took a free one, which the others must share.
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..count {
        listeners.push(shared(address)?);
    }
    Ok(listeners)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the last connections of the run before it.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn shared(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts and serves until told to stop, then until every connection of this
/// listener has ended or is cut.
pub(crate) async fn serve(listener: std::net::TcpListener, port: Port) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = port.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&port, &open, stream, peer),
            // Out of file descriptors, most likely: those in use must end
            // before accepting makes sense again.
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // The kernel finished handshakes that we have not seen; closing the
    // listener would reset them.
    while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
        admit(&port, &open, stream, peer);
    }
    drop(listener);
    open.close();
    open.wait().await;
    Ok(())
}

fn admit(port: &Port, open: &TaskTracker, stream: TcpStream, peer: SocketAddr) {
    let Ok(permit) = port.connections.clone().try_acquire_owned() else {
        tracing::warn!(%peer, "too many connections; this one is closed");
        return;
    };
    let port = port.clone();
    open.spawn(async move {
        connection::serve(stream, peer, port).await;
        drop(permit);
    });
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{convert::Infallible, net::SocketAddr};

    use clap::Parser;
    use http::{Request, Response};
    use rpc::{BoxedService, Channel};
    use tokio::{io::AsyncReadExt as _, task::JoinHandle, time::Instant};
    use tonic::{Code, Status, body::Body};
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        http2: Http2Args,
    }

    /// A port whose service takes 300 ms for every call.
    fn slow(flags: &[&str]) -> (SocketAddr, Port, JoinHandle<io::Result<()>>) {
        port(flags, Duration::from_millis(300))
    }

    fn port(flags: &[&str], takes: Duration) -> (SocketAddr, Port, JoinHandle<io::Result<()>>) {
        serving(flags, move |_: Request<Body>| async move {
            tokio::time::sleep(takes).await;
            Ok(Status::ok("").into_http())
        })
    }

    fn serving<F>(
        flags: &[&str],
        answer: impl Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    ) -> (SocketAddr, Port, JoinHandle<io::Result<()>>)
    where
        F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    {
        let service = service_fn(answer);
        let http2 = Flags::parse_from(["test"].iter().chain(flags)).http2;
        let port = Port {
            service: BoxedService::new(service),
            connections: Arc::new(Semaphore::new(http2.max_connections as usize)),
            http2: Arc::new(http2),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        let listener = open("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        (address, port.clone(), tokio::spawn(serve(listener, port)))
    }

    /// Where a service answers with a secret of its own.
    pub(crate) fn echo() -> SocketAddr {
        serving(&[], |_: Request<Body>| async {
            let mut response: Response<Body> = Status::ok("").into_http();
            let secret = "canary-answer".parse().unwrap();
            response.headers_mut().insert("usher-canary", secret);
            Ok(response)
        })
        .0
    }

    fn call(address: SocketAddr) -> JoinHandle<Code> {
        let channel = Channel::remote(format!("http://{address}").parse().unwrap());
        let request = Request::post("/a/b").body(Body::empty()).unwrap();
        tokio::spawn(async move {
            match channel.oneshot(request).await {
                Ok(response) => Status::from_header_map(response.headers()).unwrap().code(),
                Err(status) => status.code(),
            }
        })
    }

    #[tokio::test]
    async fn calls_in_flight_end_well_and_new_ones_are_not_accepted() {
        let (address, port, served) = slow(&[]);
        let early = call(address);
        tokio::time::sleep(Duration::from_millis(100)).await;
        port.stop.cancel();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let late = call(address);
        assert_eq!(early.await.unwrap(), Code::Ok);
        assert_eq!(late.await.unwrap(), Code::Unavailable);
        served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_does_not_end_is_cut() {
        let (address, port, served) = slow(&[]);
        let early = call(address);
        tokio::time::sleep(Duration::from_millis(100)).await;
        port.stop.cancel();
        port.cut.cancel();
        assert_ne!(early.await.unwrap(), Code::Ok);
        served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_never_calls_is_dropped() {
        let (address, ..) = slow(&["--first-call-seconds", "1"]);
        let mut idle = TcpStream::connect(address).await.unwrap();
        let began = Instant::now();
        // The server's first frame, and then the end.
        let _ = idle.read_to_end(&mut Vec::new()).await;
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test]
    async fn a_connection_that_is_too_old_is_cut_some_time_after_it_was_asked_to_end() {
        let flags = [
            "--max-connection-age-seconds",
            "1",
            "--max-connection-grace-seconds",
            "1",
        ];
        let (address, ..) = port(&flags, Duration::from_mins(1));
        let began = Instant::now();
        let answer = tokio::time::timeout(Duration::from_secs(20), call(address));
        assert_ne!(answer.await.unwrap().unwrap(), Code::Ok);
        assert!(began.elapsed() > Duration::from_secs(1));
    }

    #[tokio::test]
    async fn one_connection_too_many_is_closed_at_once() {
        let (address, ..) = slow(&["--max-connections", "1"]);
        let _first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(1), second.read(&mut [0; 64])).await;
        assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    }

    #[tokio::test]
    async fn a_port_that_somebody_else_listens_on_is_refused() {
        let taken = open("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = taken[0].local_addr().unwrap();
        assert_eq!(
            open(address, 1).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }
}

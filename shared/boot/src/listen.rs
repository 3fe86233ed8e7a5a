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
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
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

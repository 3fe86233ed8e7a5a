//! Unary gRPC calls as fast as a server answers them, with little work of our
//! own: requests are framed once, replies only checked for their status.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request};
use prost::Message;

/// Connections, and calls in flight on each.
const CONNECTIONS: usize = 8;
const IN_FLIGHT: usize = 32;

/// What is sent, again and again.
pub struct Shot {
    path: &'static str,
    headers: HeaderMap,
    bodies: Vec<Bytes>,
}

impl Shot {
    /// Calls of one method with these headers; the messages are sent in turn.
    pub fn new<M: Message>(
        path: &'static str,
        headers: &[(&'static str, String)],
        messages: &[M],
    ) -> Result<Self> {
        let mut map = HeaderMap::new();
        map.insert("content-type", "application/grpc".parse()?);
        map.insert("te", "trailers".parse()?);
        for (name, value) in headers {
            map.insert(*name, value.parse()?);
        }
        Ok(Self {
            path,
            headers: map,
            bodies: messages.iter().map(frame).collect(),
        })
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Volley {
    /// Calls answered per second.
    pub per_second: f64,
    /// Calls answered.
    pub calls: u64,
    /// The latency that half stay under, in µs.
    pub p50: f64,
    /// The latency that 99 of 100 stay under, in µs.
    pub p99: f64,
}

/// Fires for a time; an answer that is not OK ends it.
pub async fn fire(address: SocketAddr, shot: &Arc<Shot>, time: Duration) -> Result<Volley> {
    let begun = Instant::now();
    let until = begun + time;
    let mut gunners = Vec::new();
    for gun in 0..CONNECTIONS {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(connection);
        for gunner in 0..IN_FLIGHT {
            let (sender, shot) = (sender.clone(), Arc::clone(shot));
            gunners.push(tokio::spawn(async move {
                shoot(sender, &shot, gun * IN_FLIGHT + gunner, until).await
            }));
        }
    }
    let mut latencies = Vec::new();
    for gunner in gunners {
        latencies.extend(gunner.await??);
    }
    let took = begun.elapsed().as_secs_f64();
    latencies.sort_unstable();
    ensure!(!latencies.is_empty(), "no call was answered");
    let at = |share: usize| f64::from(latencies[(latencies.len() - 1) * share / 100]);
    let calls = latencies.len() as u64;
    Ok(Volley {
        per_second: latencies.len() as f64 / took,
        calls,
        p50: at(50),
        p99: at(99),
    })
}

async fn shoot(
    sender: SendRequest<Bytes>,
    shot: &Shot,
    first: usize,
    until: Instant,
) -> Result<Vec<u32>> {
    let mut sender = sender.ready().await?;
    let mut latencies = Vec::with_capacity(16_384);
    let mut next = first;
    while Instant::now() < until {
        let begun = Instant::now();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://bench{}", shot.path))
            .body(())?;
        request.headers_mut().clone_from(&shot.headers);
        let (reply, mut body) = sender.send_request(request, false)?;
        body.send_data(shot.bodies[next % shot.bodies.len()].clone(), true)?;
        receive(reply).await?;
        latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        next += 1;
        sender = sender.ready().await?;
    }
    Ok(latencies)
}

async fn receive(reply: h2::client::ResponseFuture) -> Result<()> {
    let reply = reply.await?;
    let (head, mut body) = reply.into_parts();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
    }
    let trailers = body.trailers().await?;
    let status = head
        .headers
        .get("grpc-status")
        .or_else(|| trailers.as_ref()?.get("grpc-status"));
    match status.context("an answer without a status")?.as_bytes() {
        b"0" => Ok(()),
        other => bail!(
            "a call was refused with status {}: {:?}",
            String::from_utf8_lossy(other),
            head.headers
        ),
    }
}

fn frame(message: &impl Message) -> Bytes {
    let mut framed = BytesMut::with_capacity(5 + message.encoded_len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.encoded_len()).unwrap_or(0));
    framed.extend_from_slice(&message.encode_to_vec());
    framed.freeze()
}

//! Calls without generated code, for tests that read the descriptors.

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use tonic::{
    Request, Response, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::Client;

/// Sends an encoded message to a unary method, or as the only one of a
/// stream, and answers the first encoded reply.
pub async fn call_raw(
    client: &Client,
    path: &'static str,
    message: Vec<u8>,
) -> Result<Bytes, Status> {
    let mut grpc = Grpc::new(client.clone());
    grpc.ready()
        .await
        .map_err(|error| Status::unavailable(format!("{error:?}")))?;
    let once = std::iter::once(Bytes::from(message));
    let request = Request::new(tokio_stream::iter(once));
    let reply: Response<tonic::Streaming<Bytes>> = grpc
        .streaming(request, PathAndQuery::from_static(path), Plain)
        .await?;
    let mut stream = reply.into_inner();
    Ok(stream.message().await?.unwrap_or_default())
}

struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

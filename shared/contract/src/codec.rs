//! The one codec: protobuf, and then the rules of the contract. A handler never
//! sees a message that breaks one.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::errors::ErrorReason;
use crate::{Reason, Validate, Violations};

/// Most messages of the contract are small: begin with 1 KiB (tonic begins with
/// 8) and hand on in pieces of 32 KiB.
fn buffers() -> BufferSettings {
    BufferSettings::new(1024, 32 * 1024)
}

/// Encodes `E`, and decodes and validates `D`.
#[derive(Debug)]
pub struct ValidatingCodec<E, D>(PhantomData<fn(E) -> D>);

impl<E, D> Default for ValidatingCodec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> Codec for ValidatingCodec<E, D>
where
    E: Message + Send + 'static,
    D: Message + Default + Validate + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = Writer<E>;
    type Decoder = Reader<D>;

    fn encoder(&mut self) -> Writer<E> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Reader<D> {
        Reader(PhantomData)
    }
}

/// Encodes messages.
#[derive(Debug)]
pub struct Writer<E>(PhantomData<fn(E)>);

impl<E: Message> Encoder for Writer<E> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // Fails only in a buffer that cannot grow, and this one can.
        item.encode(buffer)
            .map_err(|_| Status::internal("the message cannot be encoded"))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

/// Decodes messages and refuses those that break a rule.
#[derive(Debug)]
pub struct Reader<D>(PhantomData<fn() -> D>);

impl<D: Message + Default + Validate> Decoder for Reader<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        // The status is the one that gRPC prescribes for what cannot be parsed.
        let message =
            D::decode(buffer).map_err(|_| Status::internal("the message is malformed"))?;
        let found = Violations::of(&message);
        if found.is_empty() {
            Ok(Some(message))
        } else {
            Err(refusal(found))
        }
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

/// `INVALID_ARGUMENT` with the fields and what they must be.
#[must_use]
pub fn refusal(found: Violations) -> Status {
    let mut details =
        ErrorDetails::with_error_info(ErrorReason::FieldInvalid.name(), ErrorReason::DOMAIN, []);
    let mut message = String::from("the request is not valid");
    for (at, violation) in found.into_list().into_iter().enumerate() {
        if at == 0 {
            message = format!("{} {}", violation.field, violation.description);
        }
        details.add_bad_request_violation(violation.field, violation.description);
    }
    Status::with_error_details(Code::InvalidArgument, message, details)
}

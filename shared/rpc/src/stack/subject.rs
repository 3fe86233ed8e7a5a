//! Looks into a request for the user that it names, before it is decoded.
//!
//! Only saves a question: whether the caller holds the permission to name others
//! matters only where they do. What is found here is not relied on; `rpc::open`
//! reads the decoded message and has the last word.

use bytes::{Buf, Bytes};

/// The text in the field of that number, the last one as protobuf has it, or an
/// empty one. `None` where the message cannot be read here.
pub fn find(frame: &Bytes, number: u32) -> Option<Bytes> {
    let mut rest = frame.clone();
    // The frame of gRPC over HTTP/2: a flag for compression and the length.
    if rest.remaining() < 5
        || rest.get_u8() != 0
        || usize::try_from(rest.get_u32()).ok()? != rest.len()
    {
        return None;
    }
    let mut found = Bytes::new();
    while rest.has_remaining() {
        let tag = varint(&mut rest)?;
        match tag & 7 {
            0 => {
                varint(&mut rest)?;
            }
            1 => skip(&mut rest, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut rest)?)
                    .ok()
                    .filter(|length| *length <= rest.len())?;
                let value = rest.split_to(length);
                if tag >> 3 == u64::from(number) {
                    found = value;
                }
            }
            5 => skip(&mut rest, 4)?,
            _ => return None,
        }
    }
    Some(found)
}

fn skip(rest: &mut Bytes, length: usize) -> Option<()> {
    (rest.len() >= length).then(|| rest.advance(length))
}

fn varint(rest: &mut Bytes) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = rest.has_remaining().then(|| rest.get_u8())?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};
    use contract::authorization::CheckRequest;
    use proptest::prelude::*;

    use super::*;

    fn frame(message: &[u8]) -> Bytes {
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).expect("it is short"));
        frame.put_slice(message);
        frame.freeze()
    }

    proptest! {
        #[test]
        fn finds_what_decoding_finds(user_id in ".{0,40}", permission in ".{0,200}", project_id in ".{0,40}") {
            let ask = CheckRequest { user_id, permission, project_id, ..Default::default() };
            let encoded = contract_encode(&ask);
            let found = find(&frame(&encoded), 1).expect("it can be read");
            prop_assert_eq!(&found[..], ask.user_id.as_bytes());
        }

        #[test]
        fn survives_anything(bytes in proptest::collection::vec(any::<u8>(), 0..200), number in 1u32..20) {
            let _ = find(&frame(&bytes), number);
            let _ = find(&Bytes::from(bytes), number);
        }
    }

    fn contract_encode(ask: &CheckRequest) -> Vec<u8> {
        prost::Message::encode_to_vec(ask)
    }
}

//! Messages by their descriptors, where code must work for any of them.

use std::sync::OnceLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use rpc::Error;
use serde_json::Value;

/// The descriptors of the contract.
pub fn pool() -> Result<&'static DescriptorPool, Error> {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    if let Some(pool) = POOL.get() {
        return Ok(pool);
    }
    let pool = DescriptorPool::decode(contract::DESCRIPTORS)?;
    Ok(POOL.get_or_init(|| pool))
}

/// A message whose fields can be asked for.
pub fn message<M: Message + Name>(message: &M) -> Result<DynamicMessage, Error> {
    decode(&M::full_name(), &message.encode_to_vec())
}

/// An encoded message, by its full name. Encoded again it is in the one
/// deterministic form: each field once, in the order of the numbers.
pub fn decode(name: &str, encoded: &[u8]) -> Result<DynamicMessage, Error> {
    let descriptor = pool()?
        .get_message_by_name(name)
        .ok_or_else(|| Error::fault(format!("{name} is not in the contract")))?;
    Ok(DynamicMessage::decode(descriptor, encoded)?)
}

/// A message as protobuf JSON, with the fields that are not set, all under the
/// names of the contract.
pub fn json(message: &DynamicMessage) -> Result<Value, Error> {
    let options = SerializeOptions::new()
        .skip_default_fields(false)
        .use_proto_field_name(true);
    Ok(message.serialize_with_options(serde_json::value::Serializer, &options)?)
}

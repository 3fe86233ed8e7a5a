//! Messages by their descriptors, where code must work for any of them.

use std::sync::OnceLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};
use rpc::Error;

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
    let name = M::full_name();
    let descriptor = pool()?
        .get_message_by_name(&name)
        .ok_or_else(|| Error::fault(format!("{name} is not in the contract")))?;
    Ok(DynamicMessage::decode(
        descriptor,
        message.encode_to_vec().as_slice(),
    )?)
}

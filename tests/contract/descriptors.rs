//! The contract as the descriptors tell it.

use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, ReflectMessage, Value,
};

/// Everything in `proto/`, with all that it imports.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(contract::DESCRIPTORS).expect("the contract's descriptors")
});

/// Every method of Usher.
pub fn methods() -> Vec<MethodDescriptor> {
    let services = POOL
        .services()
        .filter(|service| service.full_name().starts_with("usher."));
    services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect()
}

/// Every message that a request consists of.
pub fn request_messages() -> Vec<MessageDescriptor> {
    let mut found: Vec<MessageDescriptor> = Vec::new();
    let mut open: Vec<_> = methods().iter().map(MethodDescriptor::input).collect();
    while let Some(message) = open.pop() {
        if found.contains(&message) || !message.full_name().starts_with("usher.") {
            continue;
        }
        open.extend(
            message
                .fields()
                .filter_map(|field| field.kind().as_message().cloned()),
        );
        found.push(message);
    }
    found
}

/// The path of a method as HTTP/2 names it.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The `buf.validate` rules of a field, where there are any.
pub fn rules(field: &prost_reflect::FieldDescriptor) -> Option<DynamicMessage> {
    let extension = POOL.get_extension_by_name("buf.validate.field")?;
    let options = field.options();
    if !options.has_extension(&extension) {
        return None;
    }
    match options.get_extension(&extension).as_ref() {
        Value::Message(rules) => Some(rules.clone()),
        _ => None,
    }
}

/// A part of the rules that is set, such as `string`.
pub fn part(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let field = rules.descriptor().get_field_by_name(name)?;
    match rules.get_field(&field).as_ref() {
        Value::Message(part) if rules.has_field(&field) => Some(part.clone()),
        _ => None,
    }
}

/// Whether a rule is set.
pub fn has(rules: &DynamicMessage, name: &str) -> bool {
    rules
        .descriptor()
        .get_field_by_name(name)
        .is_some_and(|field| rules.has_field(&field))
}

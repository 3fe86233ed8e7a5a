//! Messages that pass validation, made from their descriptors.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use usher_tests::PROPERTY;

use crate::descriptors::{part, rules};

/// Fills a message with plausible values; `id` answers for every field that
/// holds an id.
pub fn message(
    descriptor: &MessageDescriptor,
    id: &impl Fn(&FieldDescriptor) -> String,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        if field
            .containing_oneof()
            .is_some_and(|oneof| oneof.fields().next() != Some(field.clone()))
        {
            continue;
        }
        let one = value(&field, id);
        let value = if field.is_list() {
            Value::List(vec![one])
        } else {
            one
        };
        message.set_field(&field, value);
    }
    message
}

fn value(field: &FieldDescriptor, id: &impl Fn(&FieldDescriptor) -> String) -> Value {
    match field.kind() {
        Kind::String => Value::String(text(field, id)),
        Kind::Message(inner) if inner.full_name() == "google.protobuf.FieldMask" => {
            Value::Message(mask(field, inner))
        }
        Kind::Message(inner) if inner.full_name().starts_with("google.") => {
            Value::Message(DynamicMessage::new(inner))
        }
        Kind::Message(inner) => Value::Message(message(&inner, id)),
        Kind::Enum(values) => {
            let last = values.values().last().map_or(0, |value| value.number());
            Value::EnumNumber(last)
        }
        Kind::Bool => Value::Bool(false),
        Kind::Uint32 => Value::U32(if field.name() == "line" { 2 } else { 1 }),
        Kind::Uint64 => Value::U64(1),
        Kind::Bytes => Value::Bytes(vec![b'x'].into()),
        other => panic!("no plausible {other:?} for {}", field.full_name()),
    }
}

/// The first field of the message that is changed, which stands beside the mask.
fn mask(field: &FieldDescriptor, of: MessageDescriptor) -> DynamicMessage {
    let beside = field.parent_message();
    let changed = beside.fields().find_map(|one| match one.kind() {
        Kind::Message(inner) if inner.full_name().starts_with("usher.") => inner.fields().next(),
        _ => None,
    });
    let paths = changed.iter().map(|first| first.name().to_owned());
    let mut mask = DynamicMessage::new(of);
    let paths = paths.map(Value::String).collect();
    mask.set_field_by_name("paths", Value::List(paths));
    mask
}

fn text(field: &FieldDescriptor, id: &impl Fn(&FieldDescriptor) -> String) -> String {
    let name = field.name();
    if name == "request_id" {
        return uuid::Uuid::new_v4().to_string();
    }
    if name.ends_with("_id") || name.ends_with("_ids") {
        return id(field);
    }
    match name {
        "email" | "emails" | "username" | "inviter_email" | "copy_email" => {
            format!("{}@plausible.example", uuid::Uuid::new_v4().simple())
        }
        "code" => "123456".into(),
        "phone" => "+4930901820".into(),
        "time_zone" => "Europe/Berlin".into(),
        "avatar_uri" => "https://plausible.example/picture.png".into(),
        "language" => "en".into(),
        "page_token" | "etag" | "at_least_revision" | "tenant" => String::new(),
        "password" => "a plausible long password".into(),
        "actions" => "user_disabled".into(),
        "address" => "192.0.2.7".into(),
        // The one that `one_of_each` defines.
        "name" if field.parent_message().name() == "UserProperty" => PROPERTY.into(),
        "name" => format!(
            "plausible-{}",
            &uuid::Uuid::new_v4().simple().to_string()[..8]
        ),
        _ => long_enough(field),
    }
}

fn long_enough(field: &FieldDescriptor) -> String {
    let least = rules(field)
        .and_then(|rules| part(&rules, "string"))
        .and_then(|text| {
            text.get_field_by_name("min_len")
                .and_then(|least| least.as_u64())
        })
        .unwrap_or(1);
    "x".repeat(usize::try_from(least.max(1)).unwrap_or(1))
}

//! What an event is called, and what it happened to, from the descriptors: an
//! event of tomorrow needs no line here.

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value};
use rpc::Error;
use uuid::Uuid;

use crate::reflect;

/// An event in the words of the trail.
#[derive(Debug, PartialEq, Eq)]
pub struct Described {
    /// The name of the event, such as `user_disabled`.
    pub action: String,
    /// What it happened to, where it has an id.
    pub target: Option<Uuid>,
}

/// Describes an `Event` message, given its full name. The one field that is
/// set names the action; the first field of that event is what it happened to,
/// by its id or as a whole.
pub fn describe(name: &str, payload: &[u8]) -> Result<Described, Error> {
    let descriptor = reflect::pool()?
        .get_message_by_name(name)
        .ok_or_else(|| Error::fault(format!("{name} is not in the contract")))?;
    let event = DynamicMessage::decode(descriptor, payload)?;
    let Some((field, value)) = event.fields().next() else {
        // Published by a newer release: kept, and nameless.
        return Ok(Described {
            action: "unknown".into(),
            target: None,
        });
    };
    Ok(Described {
        action: field.name().to_owned(),
        target: value.as_message().and_then(target),
    })
}

fn target(message: &DynamicMessage) -> Option<Uuid> {
    let first = message
        .descriptor()
        .fields()
        .min_by_key(prost_reflect::FieldDescriptor::number)?;
    match (first.kind(), &*message.get_field(&first)) {
        (Kind::String, Value::String(text)) => text.parse().ok(),
        (Kind::Message(_), Value::Message(inner)) => target(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use contract::identity::{Event, LoginFailed, Tenant, TenantCreated, UserDisabled};
    use prost::{Message as _, Name as _};

    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn described(event: impl Into<Event>) -> Described {
        describe(&Event::full_name(), &event.into().encode_to_vec()).expect("it is an event")
    }

    #[test]
    fn an_event_happened_to_its_first_field() {
        let disabled = described(UserDisabled { user_id: ID.into() });
        assert_eq!(
            disabled,
            Described {
                action: "user_disabled".into(),
                target: ID.parse().ok()
            }
        );
        let tenant = Tenant {
            id: ID.into(),
            name: "acme".into(),
            ..Tenant::default()
        };
        let created = described(TenantCreated {
            tenant: Some(tenant),
            role_set: 1,
        });
        assert_eq!(
            created,
            Described {
                action: "tenant_created".into(),
                target: ID.parse().ok()
            }
        );
    }

    #[test]
    fn what_happened_to_nobody_known_has_no_target() {
        let failed = described(LoginFailed {
            user_id: String::new(),
            proof: 1,
        });
        assert_eq!(
            failed,
            Described {
                action: "login_failed".into(),
                target: None
            }
        );
    }
}

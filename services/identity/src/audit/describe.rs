//! What an event is called, what it happened to, and what it changed, from the
//! descriptors: an event of tomorrow needs no line here.

use std::{collections::BTreeSet, sync::OnceLock};

use contract::identity::FieldChange;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use rpc::Error;
use uuid::Uuid;

use super::changes;
use crate::reflect;

/// An event of which this release does not know the kind.
const UNKNOWN: &str = "unknown";

/// An event in the words of the trail.
#[derive(Debug, PartialEq)]
pub struct Described {
    /// The name of the event, such as `user_disabled`.
    pub action: String,
    /// What it happened to, where it has an id.
    pub target: Option<Uuid>,
    /// What it says was changed.
    pub changes: Vec<FieldChange>,
    /// The event in its deterministic encoding.
    pub encoded: Vec<u8>,
}

/// Describes an `Event` message, given its full name. The one field that is
/// set names the action; the first field of that event is what it happened to,
/// by its id or as a whole.
pub fn describe(name: &str, payload: &[u8]) -> Result<Described, Error> {
    let event = reflect::decode(name, payload)?;
    let kind = event.fields().next();
    let fact = kind.as_ref().and_then(|(_, value)| value.as_message());
    Ok(Described {
        // Published by a newer release: kept, and nameless.
        action: kind
            .as_ref()
            .map_or_else(|| UNKNOWN.into(), |(field, _)| field.name().to_owned()),
        target: fact.and_then(target),
        changes: fact.map_or_else(|| Ok(Vec::new()), told)?,
        encoded: prost::Message::encode_to_vec(&event),
    })
}

/// Every action that a record can have.
pub fn actions() -> Result<&'static BTreeSet<String>, Error> {
    static ACTIONS: OnceLock<BTreeSet<String>> = OnceLock::new();
    if let Some(actions) = ACTIONS.get() {
        return Ok(actions);
    }
    let mut actions = BTreeSet::from([UNKNOWN.to_owned()]);
    for message in reflect::pool()?.all_messages() {
        let ours = message.package_name().starts_with("usher.");
        if ours && message.name() == "Event" {
            let kinds = message.oneofs().filter(|oneof| oneof.name() == "kind");
            let names = kinds.flat_map(|kind| kind.fields().collect::<Vec<_>>());
            actions.extend(names.map(|field| field.name().to_owned()));
        }
    }
    Ok(ACTIONS.get_or_init(|| actions))
}

fn target(message: &DynamicMessage) -> Option<Uuid> {
    let first = message
        .descriptor()
        .fields()
        .min_by_key(FieldDescriptor::number)?;
    match (first.kind(), &*message.get_field(&first)) {
        (Kind::String, Value::String(text)) => text.parse().ok(),
        (Kind::Message(_), Value::Message(inner)) => target(inner),
        _ => None,
    }
}

/// The changes that a fact tells, by fields that say what others were before.
fn told(fact: &DynamicMessage) -> Result<Vec<FieldChange>, Error> {
    let mut told = Vec::new();
    let named = |name: &str| fact.descriptor().get_field_by_name(name);
    for now in fact.descriptor().fields() {
        let before = match now.name() {
            "after" => named("before"),
            name => named(&format!("previous_{name}")),
        };
        let Some(before) = before else {
            continue;
        };
        match (&*fact.get_field(&before), &*fact.get_field(&now)) {
            (Value::Message(was), Value::Message(is)) => {
                changes::compare("", was, is, &mut told)?;
            }
            _ => told.push(FieldChange {
                field: now.name().to_owned(),
                before: changes::text(fact, &before)?,
                after: changes::text(fact, &now)?,
            }),
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use contract::{
        authorization::{self, LicenseUpdated},
        identity::{Event, LoginFailed, Tenant, TenantCreated, TenantUpdated, UserDisabled},
    };
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
            (disabled.action.as_str(), disabled.target),
            ("user_disabled", ID.parse().ok())
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
            (created.action.as_str(), created.target),
            ("tenant_created", ID.parse().ok())
        );
    }

    #[test]
    fn what_happened_to_nobody_known_has_no_target() {
        let failed = described(LoginFailed {
            user_id: String::new(),
            proof: 1,
        });
        assert_eq!(
            (failed.action.as_str(), failed.target),
            ("login_failed", None)
        );
    }

    #[test]
    fn an_event_tells_what_it_changed() {
        let change = FieldChange {
            field: "display_name".into(),
            before: "Acme".into(),
            after: "Acme GmbH".into(),
        };
        let named = |display_name: &str| Tenant {
            display_name: display_name.into(),
            ..Tenant::default()
        };
        let updated = described(TenantUpdated {
            tenant: Some(named("Acme GmbH")),
            previous_tenant: Some(named("Acme")),
        });
        assert_eq!(updated.changes, [change]);

        let fact = LicenseUpdated {
            previous_total_seats: 5,
            total_seats: 0,
        };
        let event = authorization::Event::from(fact).encode_to_vec();
        let license = describe(&authorization::Event::full_name(), &event).expect("it is an event");
        let seats = FieldChange {
            field: "total_seats".into(),
            before: "5".into(),
            after: "0".into(),
        };
        assert_eq!(license.changes, [seats]);
    }

    #[test]
    fn every_kind_of_event_is_an_action() {
        let actions = actions().expect("the contract");
        for known in ["user_disabled", "license_updated", "mail_sent", UNKNOWN] {
            assert!(actions.contains(known), "{known}");
        }
    }
}

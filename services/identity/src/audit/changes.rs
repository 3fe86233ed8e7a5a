//! What a change did to the fields of a thing.
//!
//! Events outlive people and name them by their ids alone, so what the fields of
//! a person had is kept beside the event, until the person is deleted: the room
//! that publishes the event calls [`keep`]. What is nobody's, such as the name
//! of a tenant, goes with the event, as `previous_…` or as `before` and `after`.

use contract::{
    Id,
    identity::{FieldChange, User},
};
use prost::{Message, Name};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use rpc::Error;
use store::{Keys, Tx};
use uuid::Uuid;

use crate::{db, reflect};

/// What every change changes, and nobody asks for.
const BOOKKEEPING: [&str; 2] = ["etag", "update_time"];

/// The changes of an event, as they are kept.
#[derive(Clone, PartialEq, prost::Message)]
struct Kept {
    #[prost(message, repeated, tag = "1")]
    changes: Vec<FieldChange>,
}

/// The fields in which two states of a thing differ, down to those of messages
/// in it. Bytes are in none: they are secrets, sealed, or no news to a reader.
pub fn of<M: Message + Name>(before: &M, after: &M) -> Result<Vec<FieldChange>, Error> {
    let mut found = Vec::new();
    let (before, after) = (reflect::message(before)?, reflect::message(after)?);
    compare("", &before, &after, &mut found)?;
    Ok(found)
}

/// Keeps what an event changed about a person, in the transaction that
/// publishes the event. `event` is what `Tx::publish` answered.
pub async fn keep(
    tx: &mut Tx,
    event: Uuid,
    user: Id<User>,
    changes: Vec<FieldChange>,
) -> Result<(), Error> {
    let tenant = tx
        .tenant_id()
        .ok_or_else(|| Error::fault("changes of a person in no tenant"))?;
    let changes = Kept { changes }.encode_to_vec();
    let salt = Keys::salt();
    Ok(db::audit_changes::insert(tx, tenant, event, user, &changes, &salt).await?)
}

/// What [`keep`] kept.
pub fn decode(kept: &[u8]) -> Result<Vec<FieldChange>, Error> {
    Ok(Kept::decode(kept)?.changes)
}

/// Adds the fields in which two messages differ.
pub fn compare(
    place: &str,
    before: &DynamicMessage,
    after: &DynamicMessage,
    found: &mut Vec<FieldChange>,
) -> Result<(), Error> {
    for field in after.descriptor().fields() {
        let told = !BOOKKEEPING.contains(&field.name()) && field.kind() != Kind::Bytes;
        let (was, is) = (before.get_field(&field), after.get_field(&field));
        let same = was == is && before.has_field(&field) == after.has_field(&field);
        if !told || same {
            continue;
        }
        let path = format!("{place}{}", field.name());
        match (&*was, &*is) {
            (Value::Message(was), Value::Message(is)) if is_ours(&field) => {
                compare(&format!("{path}."), was, is, found)?;
            }
            _ => found.push(FieldChange {
                field: path,
                before: text(before, &field)?,
                after: text(after, &field)?,
            }),
        }
    }
    Ok(())
}

/// Whether a field holds a message of ours, which has fields of its own.
fn is_ours(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(inner) if inner.full_name().starts_with("usher."))
}

/// The value of a field as `FieldChange` writes it.
pub fn text(message: &DynamicMessage, field: &FieldDescriptor) -> Result<String, Error> {
    if field.supports_presence() && !message.has_field(field) {
        return Ok(String::new());
    }
    let mut alone = DynamicMessage::new(message.descriptor());
    alone.set_field(field, message.get_field(field).into_owned());
    let value = reflect::json(&alone)?
        .get_mut(field.name())
        .map(serde_json::Value::take);
    Ok(match value {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text,
        Some(other) => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use contract::identity::{AuditCheckpoint, AuditFilter, AuditRecord, AuditSeal, Tenant};
    use prost_types::Timestamp;

    use super::*;

    fn changes<M: Message + Name>(before: &M, after: &M) -> Vec<(String, String, String)> {
        let changes = of(before, after).expect("messages of the contract");
        let apart = |change: FieldChange| (change.field, change.before, change.after);
        changes.into_iter().map(apart).collect()
    }

    fn change(field: &str, before: &str, after: &str) -> (String, String, String) {
        (field.into(), before.into(), after.into())
    }

    #[test]
    fn each_field_that_differs_is_told_and_no_other() {
        let before = Tenant {
            name: "acme".into(),
            display_name: "Acme".into(),
            mfa_policy: 1,
            etag: "1".into(),
            ..Tenant::default()
        };
        let after = Tenant {
            display_name: "Acme GmbH".into(),
            mfa_policy: 3,
            etag: "2".into(),
            update_time: Some(Timestamp::default()),
            create_time: Some(Timestamp::default()),
            ..before.clone()
        };
        assert_eq!(
            changes(&before, &after),
            [
                change("display_name", "Acme", "Acme GmbH"),
                change("mfa_policy", "MFA_POLICY_OFF", "MFA_POLICY_REQUIRED"),
                change("create_time", "", "1970-01-01T00:00:00Z"),
            ]
        );
        assert_eq!(changes(&after, &after), []);
    }

    #[test]
    fn lists_and_messages_in_messages_are_told() {
        let before = AuditFilter {
            actions: vec!["a".into()],
            ..AuditFilter::default()
        };
        let after = AuditFilter {
            actions: vec!["a".into(), "b".into()],
            ..AuditFilter::default()
        };
        assert_eq!(
            changes(&before, &after),
            [change("actions", "[\"a\"]", "[\"a\",\"b\"]")]
        );
        let sealed = AuditRecord {
            seal: Some(AuditSeal {
                sequence: 7,
                ..AuditSeal::default()
            }),
            ..AuditRecord::default()
        };
        assert_eq!(
            changes(&AuditRecord::default(), &sealed),
            [change("seal.sequence", "0", "7")]
        );
    }

    #[test]
    fn bytes_are_never_told() {
        let signed = AuditCheckpoint {
            signature: b"canary".to_vec(),
            ..AuditCheckpoint::default()
        };
        assert_eq!(changes(&AuditCheckpoint::default(), &signed), []);
    }
}

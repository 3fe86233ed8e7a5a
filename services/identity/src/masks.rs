//! Field masks: which fields of a message a request changes (AIP-134).

use prost::{Message, Name};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};
use prost_types::FieldMask;
use rpc::Error;

use crate::reflect;

/// `current` with the fields that the mask names taken from `update`: a field
/// that is not set there is cleared. A path such as `password.min_length` goes
/// into messages; `*` is every field. The fields in `fixed` are not the
/// caller's to set. A path that is none refuses everything.
pub fn merge<M: Message + Name + Default>(
    current: &M,
    update: &M,
    mask: &FieldMask,
    fixed: &[&str],
) -> Result<M, Error> {
    if mask.paths.is_empty() {
        return Err(refused("must name at least one field".into()));
    }
    let (mut merged, update) = (reflect::message(current)?, reflect::message(update)?);
    for path in &mask.paths {
        if path == "*" {
            let fields: Vec<FieldDescriptor> = merged.descriptor().fields().collect();
            let own = |field: &&FieldDescriptor| !fixed.contains(&field.name());
            for field in fields.iter().filter(own) {
                take(&mut merged, &update, field);
            }
            continue;
        }
        let names: Vec<&str> = path.split('.').collect();
        let end = if fixed.contains(&names[0]) {
            None
        } else {
            descend(&mut merged, &update, &names)
        };
        end.ok_or_else(|| refused(unknown(path, &merged.descriptor(), fixed)))?;
    }
    Ok(merged.transcode_to()?)
}

/// Takes one field, however deep. `None` where the path leads nowhere.
fn descend(merged: &mut DynamicMessage, update: &DynamicMessage, names: &[&str]) -> Option<()> {
    let (name, rest) = names.split_first()?;
    let field = merged.descriptor().get_field_by_name(name)?;
    if rest.is_empty() {
        take(merged, update, &field);
        return Some(());
    }
    if field.is_list() || field.is_map() || !matches!(field.kind(), Kind::Message(_)) {
        return None;
    }
    let Value::Message(inner) = update.get_field(&field).into_owned() else {
        return None;
    };
    match merged.get_field_mut(&field) {
        Value::Message(target) => descend(target, &inner, rest),
        _ => None,
    }
}

fn take(merged: &mut DynamicMessage, update: &DynamicMessage, field: &FieldDescriptor) {
    if update.has_field(field) {
        merged.set_field(field, update.get_field(field).into_owned());
    } else {
        merged.clear_field(field);
    }
}

fn unknown(path: &str, message: &MessageDescriptor, fixed: &[&str]) -> String {
    let names: Vec<String> = message
        .fields()
        .map(|field| field.name().to_owned())
        .filter(|name| !fixed.contains(&name.as_str()))
        .collect();
    format!(
        "names {path:?}, which cannot be changed; it can name {}",
        names.join(", ")
    )
}

fn refused(why: String) -> Error {
    Error::field("update_mask", why)
}

#[cfg(test)]
mod tests {
    use contract::{
        errors::ErrorReason,
        identity::{LockoutPolicy, PasswordPolicy, Policy},
    };

    use super::*;

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    fn policy(min_length: u32, max_attempts: u32) -> Policy {
        Policy {
            password: Some(PasswordPolicy {
                min_length,
                history_length: 5,
                ..PasswordPolicy::default()
            }),
            lockout: Some(LockoutPolicy {
                max_attempts,
                ..LockoutPolicy::default()
            }),
            etag: "7".into(),
            ..Policy::default()
        }
    }

    fn merged(update: &Policy, paths: &[&str]) -> Result<Policy, Error> {
        merge(&policy(8, 10), update, &mask(paths), &["etag"])
    }

    #[test]
    fn only_what_the_mask_names_changes() {
        let update = policy(20, 50);
        let deep = merged(&update, &["password.min_length"]).expect("a path");
        assert_eq!(deep, policy(20, 10));
        let whole = merged(&update, &["lockout"]).expect("a path");
        assert_eq!(whole, policy(8, 50));
        let all = merged(&update, &["*"]).expect("a path");
        assert_eq!(all, policy(20, 50));
    }

    #[test]
    fn what_is_not_set_is_cleared() {
        let cleared = merged(&Policy::default(), &["lockout", "password.history_length"]);
        let cleared = cleared.expect("paths");
        assert_eq!(cleared.lockout, None);
        let password = cleared.password.expect("is left");
        assert_eq!((password.min_length, password.history_length), (8, 0));
    }

    #[test]
    fn a_path_that_is_none_is_refused() {
        for path in [
            "etag",
            "passwords",
            "password.min",
            "password.min_length.x",
            "",
            ".",
            "lockout.",
            "password..min_length",
        ] {
            let error = merged(&policy(9, 9), &[path]).expect_err(path);
            assert!(error.is(ErrorReason::FieldInvalid), "{path}");
        }
        assert!(merged(&policy(9, 9), &[]).is_err());
    }
}

//! The `buf.validate` rules of one value, as Rust conditions on `value`.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};

use crate::{Result, names, strings};

/// One rule: the condition that holds when `value` breaks it, and what to say.
pub struct Check {
    pub broken: String,
    pub says: String,
}

/// What to do with zero values, from `buf.validate.FieldRules.ignore`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ignore {
    Never,
    Zero,
    Always,
}

/// The checks of a single value of a kind, in the order in which they are made:
/// lengths before formats, so that what is too long costs nothing more.
pub fn checks(place: &str, kind: &Kind, rules: &DynamicMessage) -> Result<Vec<Check>> {
    let mut found = Vec::new();
    for (field, value) in rules.fields() {
        let Value::Message(typed) = value else {
            continue;
        };
        if field.name() != rules_name(kind) {
            return Err(format!(
                "{place}: {} rules on a field of kind {kind:?}",
                field.name()
            )
            .into());
        }
        let mut set: Vec<_> = typed.fields().collect();
        set.sort_by_key(|(rule, _)| !rule.name().contains("len"));
        for (rule, value) in set {
            let check = match kind {
                Kind::String => strings::check(&rule, value),
                Kind::Bytes => bytes(&rule, value),
                Kind::Enum(of) => enumeration(&rule, value, &names::enumeration(of)),
                Kind::Message(_) | Kind::Bool => None,
                _ => number(&rule, value),
            };
            let teach = || {
                format!(
                    "{place}: teach shared/contract/build the rule {}",
                    rule.full_name()
                )
            };
            found.push(check.ok_or_else(teach)?);
        }
    }
    Ok(found)
}

/// The sub-message of a rule, such as `repeated.items`.
pub fn inner(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    match rules.get_field_by_name(name)?.into_owned() {
        Value::Message(inner) if rules.has_field_by_name(name) => Some(inner),
        _ => None,
    }
}

/// A number of a rule, such as `repeated.max_items`.
pub fn count(rules: &DynamicMessage, name: &str) -> Option<u64> {
    rules
        .has_field_by_name(name)
        .then(|| rules.get_field_by_name(name)?.as_u64())?
}

/// A flag of a rule, such as `required`.
pub fn flag(rules: &DynamicMessage, name: &str) -> bool {
    rules
        .get_field_by_name(name)
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

/// What the rules say about zero values.
pub fn ignore(rules: &DynamicMessage) -> Ignore {
    match rules
        .get_field_by_name("ignore")
        .and_then(|value| value.as_enum_number())
    {
        Some(1) => Ignore::Zero,
        Some(3) => Ignore::Always,
        _ => Ignore::Never,
    }
}

/// The condition that `value` is the zero of its kind.
pub fn zero(kind: &Kind) -> &'static str {
    match kind {
        Kind::String | Kind::Bytes => "value.is_empty()",
        Kind::Bool => "!value",
        Kind::Float | Kind::Double => "value == 0.0",
        Kind::Message(_) => "false",
        _ => "value == 0",
    }
}

/// The field of `buf.validate.FieldRules` that holds the rules of a kind.
fn rules_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Uint32 => "uint32",
        Kind::Uint64 => "uint64",
        Kind::Sint32 => "sint32",
        Kind::Sint64 => "sint64",
        Kind::Fixed32 => "fixed32",
        Kind::Fixed64 => "fixed64",
        Kind::Sfixed32 => "sfixed32",
        Kind::Sfixed64 => "sfixed64",
        Kind::Bool => "bool",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Enum(_) => "enum",
        Kind::Message(_) => "(none for messages)",
    }
}

fn bytes(rule: &FieldDescriptor, value: &Value) -> Option<Check> {
    let Value::U64(n) = value else { return None };
    let (broken, says) = match rule.name() {
        "len" => (
            format!("value.len() != {n}"),
            format!("must have {n} bytes"),
        ),
        "min_len" => (
            format!("value.len() < {n}"),
            format!("must have at least {n} bytes"),
        ),
        "max_len" => (
            format!("value.len() > {n}"),
            format!("must have at most {n} bytes"),
        ),
        _ => return None,
    };
    Some(Check { broken, says })
}

fn enumeration(rule: &FieldDescriptor, value: &Value, path: &str) -> Option<Check> {
    let (broken, says) = match (rule.name(), value) {
        ("defined_only", Value::Bool(true)) => (
            format!("{path}::try_from(value).is_err()"),
            "must be a value of its enum".to_owned(),
        ),
        ("const", Value::I32(n)) => (format!("value != {n}"), format!("must be {n}")),
        ("in", Value::List(list)) => (
            format!("!{:?}.contains(&value)", numbers(list)),
            "is not accepted here".to_owned(),
        ),
        ("not_in", Value::List(list)) => (
            format!("{:?}.contains(&value)", numbers(list)),
            "is not accepted here".to_owned(),
        ),
        _ => return None,
    };
    Some(Check { broken, says })
}

fn numbers(list: &[Value]) -> Vec<i32> {
    list.iter().filter_map(Value::as_i32).collect()
}

/// Written so that a NaN breaks every bound.
fn number(rule: &FieldDescriptor, value: &Value) -> Option<Check> {
    let n = match value {
        Value::I32(n) => n.to_string(),
        Value::I64(n) => n.to_string(),
        Value::U32(n) => n.to_string(),
        Value::U64(n) => n.to_string(),
        Value::F32(n) => format!("{n:?}"),
        Value::F64(n) => format!("{n:?}"),
        _ => return None,
    };
    let (good, says) = match rule.name() {
        "const" => (format!("value == {n}"), format!("must be {n}")),
        "lt" => (format!("value < {n}"), format!("must be less than {n}")),
        "lte" => (format!("value <= {n}"), format!("must be at most {n}")),
        "gt" => (format!("value > {n}"), format!("must be more than {n}")),
        "gte" => (format!("value >= {n}"), format!("must be at least {n}")),
        _ => return None,
    };
    Some(Check {
        broken: format!("!({good})"),
        says,
    })
}

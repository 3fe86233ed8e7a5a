//! The rules of strings: `buf.validate.StringRules`.

use prost_reflect::{FieldDescriptor, Value};

use crate::rules::Check;

/// The check of one rule; `None` where it is not known here.
pub fn check(rule: &FieldDescriptor, value: &Value) -> Option<Check> {
    let (broken, says) = match value {
        Value::U64(n) => size(rule.name(), *n),
        Value::String(text) => part(rule.name(), text),
        Value::List(texts) => {
            let texts: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
            choice(rule.name(), &texts)
        }
        Value::Bool(true) => known(rule.name()),
        _ => None,
    }?;
    Some(Check { broken, says })
}

/// How long the string is, in characters or bytes.
fn size(rule: &str, n: u64) -> Option<(String, String)> {
    Some(match (rule, n) {
        ("len", _) => (
            format!("!check::longest(value, {n}) || !check::shortest(value, {n})"),
            format!("must have {n} characters"),
        ),
        ("min_len", 1) => ("value.is_empty()".into(), "must not be empty".into()),
        ("min_len", _) => (
            format!("!check::shortest(value, {n})"),
            format!("must have at least {n} characters"),
        ),
        ("max_len", _) => (
            format!("!check::longest(value, {n})"),
            format!("must have at most {n} characters"),
        ),
        ("len_bytes", _) => (
            format!("value.len() != {n}"),
            format!("must have {n} bytes"),
        ),
        ("min_bytes", _) => (
            format!("value.len() < {n}"),
            format!("must have at least {n} bytes"),
        ),
        ("max_bytes", _) => (
            format!("value.len() > {n}"),
            format!("must have at most {n} bytes"),
        ),
        _ => return None,
    })
}

/// What the string is, has in it, or looks like.
fn part(rule: &str, text: &str) -> Option<(String, String)> {
    Some(match rule {
        "const" => (format!("value != {text:?}"), format!("must be {text:?}")),
        "prefix" => (
            format!("!value.starts_with({text:?})"),
            format!("must begin with {text:?}"),
        ),
        "suffix" => (
            format!("!value.ends_with({text:?})"),
            format!("must end with {text:?}"),
        ),
        "contains" => (
            format!("!value.contains({text:?})"),
            format!("must contain {text:?}"),
        ),
        "not_contains" => (
            format!("value.contains({text:?})"),
            format!("must not contain {text:?}"),
        ),
        "pattern" => {
            regex::Regex::new(text).ok()?;
            let regex = format!("static FORM: check::Pattern = check::Pattern::new({text:?});");
            (
                format!("{{ {regex} !FORM.fits(value) }}"),
                format!("must have the form {text}"),
            )
        }
        _ => return None,
    })
}

/// Which strings it may be, or may not.
fn choice(rule: &str, texts: &[&str]) -> Option<(String, String)> {
    match rule {
        "in" => Some((
            format!("!{texts:?}.contains(&value)"),
            format!("must be one of {}", texts.join(", ")),
        )),
        "not_in" => Some((
            format!("{texts:?}.contains(&value)"),
            format!("must not be one of {}", texts.join(", ")),
        )),
        _ => None,
    }
}

/// The formats with a name.
fn known(rule: &str) -> Option<(String, String)> {
    let says = match rule {
        "uuid" => "must be a UUID",
        "email" => "must be an email address",
        _ => return None,
    };
    Some((format!("!check::{rule}(value)"), says.to_owned()))
}

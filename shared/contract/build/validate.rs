//! Writes `impl Validate` for every message: straight-line code for those that
//! requests are made of, an empty body for all others (replies are trusted, and
//! a rule on them would break older clients).

use std::collections::HashSet;
use std::fmt::Write;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
};

use crate::rules::{self, Ignore};
use crate::{Result, containers, message_option, names};

const FIELD: &str = "buf.validate.field";

/// The Rust file with all validators.
pub fn generate(pool: &DescriptorPool) -> Result<String> {
    let mut asked = HashSet::new();
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        reach(&method.input(), &mut asked);
    }
    let mut out = String::from("use crate::validate::{check, Validate, Violations};\n");
    for message in pool.all_messages() {
        if !names::is_ours(message.package_name()) || message.is_map_entry() {
            continue;
        }
        let mut body = String::new();
        if asked.contains(message.full_name()) {
            body = message_body(pool, &message)?;
        } else if has_rules(pool, &message) {
            println!(
                "cargo::warning={} has rules, but no request holds it: nothing checks them",
                message.full_name()
            );
        }
        let found = if body.is_empty() { "_found" } else { "found" };
        writeln!(out, "impl Validate for {} {{", names::message(&message))?;
        writeln!(
            out,
            "fn validate(&self, {found}: &mut Violations) {{\n{body}}}\n}}"
        )?;
    }
    Ok(out)
}

/// Collects the names of a message and of all that it holds.
fn reach(message: &MessageDescriptor, into: &mut HashSet<String>) {
    if into.insert(message.full_name().to_owned()) {
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind() {
                reach(&inner, into);
            }
        }
    }
}

/// Whether the message itself carries rules.
fn has_rules(pool: &DescriptorPool, message: &MessageDescriptor) -> bool {
    message
        .fields()
        .any(|field| message_option(pool, &field.options(), FIELD).is_some())
}

/// Whether the message or anything in it carries rules.
fn needs(pool: &DescriptorPool, message: &MessageDescriptor) -> bool {
    let mut all = HashSet::new();
    reach(message, &mut all);
    all.iter()
        .filter_map(|name| pool.get_message_by_name(name))
        .any(|message| {
            has_rules(pool, &message)
                || message.oneofs().any(|oneof| {
                    message_option(pool, &oneof.options(), "buf.validate.oneof").is_some()
                })
        })
}

fn message_body(pool: &DescriptorPool, message: &MessageDescriptor) -> Result<String> {
    if message_option(pool, &message.options(), "buf.validate.message").is_some() {
        return Err(format!(
            "{}: teach build/validate.rs rules of messages",
            message.full_name()
        )
        .into());
    }
    let mut out = String::new();
    for field in message.fields() {
        if field
            .containing_oneof()
            .is_none_or(|oneof| oneof.is_synthetic())
        {
            out += &plain_field(pool, &field)?;
        }
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        out += &oneof_field(pool, &oneof)?;
    }
    Ok(out)
}

/// A field of its own: single, optional or repeated. No request holds a map.
fn plain_field(pool: &DescriptorPool, field: &FieldDescriptor) -> Result<String> {
    let rules = field_rules(pool, field)?;
    if rules::ignore(&rules) == Ignore::Always {
        return Ok(String::new());
    }
    if field.is_map() {
        let refused = format!("{}: teach build/containers.rs maps", field.full_name());
        return Err(refused.into());
    }
    if field.is_list() {
        return containers::list(pool, field, &rules);
    }
    let (path, name) = (names::field(field.name()), field.name());
    let body = value(pool, field, &rules, name)?;
    let required = rules::flag(&rules, "required");
    let missing = format!("found.add({name:?}, \"is required\");");
    Ok(if field.supports_presence() {
        let otherwise = if required {
            format!("else {{ {missing} }}")
        } else {
            String::new()
        };
        if body.is_empty() && !required {
            return Ok(body);
        }
        let value = if body.is_empty() { "_value" } else { "value" };
        format!("if let Some({value}) = &self.{path} {{ {body} }} {otherwise}\n")
    } else if required {
        let bind = borrow(&field.kind());
        format!(
            "{{ let value = &self.{path}; {bind} if {} {{ {missing} }} else {{ let value = &self.{path}; {body} }} }}\n",
            rules::zero(&field.kind())
        )
    } else if body.is_empty() {
        body
    } else {
        format!("{{ let value = &self.{path}; {body} }}\n")
    })
}

/// The rules of a field; none is an empty message of rules.
fn field_rules(pool: &DescriptorPool, field: &FieldDescriptor) -> Result<DynamicMessage> {
    if message_option(pool, &field.options(), "buf.validate.predefined").is_some() {
        return Err(format!(
            "{}: teach build/validate.rs predefined rules",
            field.full_name()
        )
        .into());
    }
    let none = pool
        .get_message_by_name("buf.validate.FieldRules")
        .map(DynamicMessage::new);
    let rules = message_option(pool, &field.options(), FIELD)
        .or(none)
        .ok_or("buf.validate is not imported anywhere")?;
    for cel in ["cel", "cel_expression"] {
        if rules.has_field_by_name(cel) {
            return Err(format!(
                "{}: teach build/validate.rs the rule {cel}",
                field.full_name()
            )
            .into());
        }
    }
    Ok(rules)
}

/// The checks of a value behind the reference `value`; empty where there are none.
pub fn value(
    pool: &DescriptorPool,
    field: &FieldDescriptor,
    rules: &DynamicMessage,
    name: &str,
) -> Result<String> {
    let kind = field.kind();
    let checks = rules::checks(field.full_name(), &kind, rules)?;
    let mut out = String::new();
    for (at, check) in checks.iter().enumerate() {
        let otherwise = if at == 0 { "" } else { "else " };
        write!(
            out,
            "{otherwise}if {} {{ found.add({name:?}, {:?}); }} ",
            check.broken, check.says
        )?;
    }
    if !out.is_empty() {
        let skip = match rules::ignore(rules) {
            Ignore::Zero => format!("if !({}) ", rules::zero(&kind)),
            Ignore::Never | Ignore::Always => String::new(),
        };
        out = format!("{} {skip}{{ {out} }}", borrow(&kind));
    }
    if let Kind::Message(inner) = &kind
        && names::is_ours(inner.package_name())
        && needs(pool, inner)
    {
        // An element of a list gets its place from the loop around it.
        let nested = if name.is_empty() {
            "value.validate(found);".to_owned()
        } else {
            format!("let mark = found.mark(); value.validate(found); found.nest(mark, {name:?});")
        };
        out += &nested;
    }
    Ok(out)
}

/// Turns the reference `value` into what the conditions are written for.
fn borrow(kind: &Kind) -> &'static str {
    match kind {
        Kind::String => "let value = value.as_str();",
        Kind::Bytes => "let value = value.as_slice();",
        Kind::Message(_) => "",
        _ => "let value = *value;",
    }
}

fn oneof_field(pool: &DescriptorPool, oneof: &OneofDescriptor) -> Result<String> {
    let required = message_option(pool, &oneof.options(), "buf.validate.oneof")
        .is_some_and(|rules| rules::flag(&rules, "required"));
    let mut arms = String::new();
    for field in oneof.fields() {
        let rules = field_rules(pool, &field)?;
        let body = value(pool, &field, &rules, field.name())?;
        if !body.is_empty() && rules::ignore(&rules) != Ignore::Always {
            writeln!(
                arms,
                "Some({}::{}(value)) => {{ {body} }}",
                names::oneof(oneof),
                names::variant(&field)
            )?;
        }
    }
    if required {
        writeln!(
            arms,
            "None => found.add({:?}, \"one of its fields is required\"),",
            oneof.name()
        )?;
    }
    Ok(if arms.is_empty() {
        arms
    } else {
        format!(
            "match &self.{} {{ {arms} _ => {{}} }}\n",
            names::field(oneof.name())
        )
    })
}

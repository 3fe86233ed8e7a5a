//! The validators of repeated fields and maps.

use std::fmt::Write;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, ReflectMessage};

use crate::rules::{self, Ignore};
use crate::validate::value;
use crate::{Result, names};

/// The checks of a repeated field: its bounds, then each element.
pub fn list(
    pool: &DescriptorPool,
    field: &FieldDescriptor,
    all: &DynamicMessage,
) -> Result<String> {
    let (path, name) = (names::field(field.name()), field.name());
    let rules = rules::inner(all, "repeated");
    let mut bounds = Vec::new();
    let mut items = None;
    if let Some(rules) = &rules {
        bounds = size(&path, rules, ["min_items", "max_items"], "elements");
        if rules::flag(rules, "unique") {
            bounds.push((
                format!("!check::unique(&self.{path})"),
                "must not repeat an element".into(),
            ));
        }
        known(field, rules, &["min_items", "max_items", "unique", "items"])?;
        items = rules::inner(rules, "items");
    }
    let items = items.unwrap_or_else(|| DynamicMessage::new(all.descriptor()));
    let each = value(pool, field, &items, "")?;
    let each = if each.is_empty() {
        each
    } else {
        format!(
            "for (at, value) in self.{path}.iter().enumerate() {{ let mark = found.mark(); {each} found.nest_at(mark, {name:?}, at); }}"
        )
    };
    container(&path, name, all, &bounds, &each)
}

/// The checks of a map: its bounds, then each key and value.
pub fn map(pool: &DescriptorPool, field: &FieldDescriptor, all: &DynamicMessage) -> Result<String> {
    let (path, name) = (names::field(field.name()), field.name());
    let Kind::Message(entry) = field.kind() else {
        return Ok(String::new());
    };
    let none = || DynamicMessage::new(all.descriptor());
    let (mut bounds, mut keys, mut values) = (Vec::new(), none(), none());
    if let Some(rules) = rules::inner(all, "map") {
        bounds = size(&path, &rules, ["min_pairs", "max_pairs"], "pairs");
        known(field, &rules, &["min_pairs", "max_pairs", "keys", "values"])?;
        keys = rules::inner(&rules, "keys").unwrap_or_else(none);
        values = rules::inner(&rules, "values").unwrap_or_else(none);
    }
    let key = value(pool, &entry.map_entry_key_field(), &keys, "")?;
    let value = value(pool, &entry.map_entry_value_field(), &values, "")?;
    let mut each = String::new();
    if !key.is_empty() || !value.is_empty() {
        each = format!(
            "for (key, value) in &self.{path} {{ let mark = found.mark(); {{ let value = key; {key} }} {{ {value} }} found.nest_key(mark, {name:?}, key); }}"
        );
    }
    container(&path, name, all, &bounds, &each)
}

/// The bounds of a list or map; its elements are looked at only within them.
fn container(
    path: &str,
    name: &str,
    rules: &DynamicMessage,
    bounds: &[(String, String)],
    each: &str,
) -> Result<String> {
    let mut out = String::new();
    if rules::flag(rules, "required") {
        write!(
            out,
            "if self.{path}.is_empty() {{ found.add({name:?}, \"is required\"); }} else "
        )?;
    }
    for (broken, says) in bounds {
        write!(
            out,
            "if {broken} {{ found.add({name:?}, {says:?}); }} else "
        )?;
    }
    if out.is_empty() && each.is_empty() {
        return Ok(out);
    }
    let skip = if rules::ignore(rules) == Ignore::Zero {
        format!("if !self.{path}.is_empty() ")
    } else {
        String::new()
    };
    Ok(format!("{skip}{{ {out}{{ {each} }} }}\n"))
}

fn size(
    path: &str,
    rules: &DynamicMessage,
    [least, most]: [&str; 2],
    what: &str,
) -> Vec<(String, String)> {
    let mut bounds = Vec::new();
    if let Some(n) = rules::count(rules, least) {
        bounds.push((
            format!("self.{path}.len() < {n}"),
            format!("must have at least {n} {what}"),
        ));
    }
    if let Some(n) = rules::count(rules, most) {
        bounds.push((
            format!("self.{path}.len() > {n}"),
            format!("must have at most {n} {what}"),
        ));
    }
    bounds
}

/// Refuses rules that would be passed over.
fn known(field: &FieldDescriptor, rules: &DynamicMessage, names: &[&str]) -> Result<()> {
    match rules
        .fields()
        .find(|(rule, _)| !names.contains(&rule.name()))
    {
        Some((rule, _)) => Err(format!(
            "{}: teach build/validate.rs the rule {}",
            field.full_name(),
            rule.full_name()
        )
        .into()),
        None => Ok(()),
    }
}

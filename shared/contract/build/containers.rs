//! The validators of repeated fields.

use std::fmt::Write;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, ReflectMessage};

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
        bounds = size(&path, rules);
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

/// The bounds of a list; its elements are looked at only within them.
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

fn size(path: &str, rules: &DynamicMessage) -> Vec<(String, String)> {
    let mut bounds = Vec::new();
    if let Some(n) = rules::count(rules, "min_items") {
        bounds.push((
            format!("self.{path}.len() < {n}"),
            format!("must have at least {n} elements"),
        ));
    }
    if let Some(n) = rules::count(rules, "max_items") {
        bounds.push((
            format!("self.{path}.len() > {n}"),
            format!("must have at most {n} elements"),
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

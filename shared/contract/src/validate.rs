//! The rules that fields carry in the contract.

pub(crate) mod check;

/// A message that knows the rules of its fields. The code is generated from the
/// `buf.validate` options.
pub trait Validate {
    /// Adds what breaks a rule to `found`.
    fn validate(&self, found: &mut Violations);
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path of the field in the request: `roles[2].id`.
    pub field: String,
    /// What it must be: `must be a UUID`. Never holds the value.
    pub description: String,
}

/// The fields that break a rule. Nothing is allocated until one does.
#[derive(Debug, Default)]
pub struct Violations {
    list: Vec<FieldViolation>,
}

/// The most violations that are told of one request: a list of thousands of
/// wrong elements costs no more than this.
const MOST: usize = 32;

impl Violations {
    /// What `message` breaks.
    pub fn of(message: &impl Validate) -> Self {
        let mut found = Self::default();
        message.validate(&mut found);
        found
    }

    /// Adds a field that breaks a rule.
    pub fn add(&mut self, field: &str, description: &str) {
        if self.list.len() < MOST {
            self.list.push(FieldViolation {
                field: field.to_owned(),
                description: description.to_owned(),
            });
        }
    }

    /// Whether no rule is broken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The violations, in the order of the fields.
    #[must_use]
    pub fn into_list(self) -> Vec<FieldViolation> {
        self.list
    }

    /// Runs `check` on what the field holds.
    pub fn at(&mut self, field: &str, check: impl FnOnce(&mut Self)) {
        let mark = self.mark();
        check(self);
        self.nest(mark, field);
    }

    /// How many there are, for one of the `nest` functions later.
    pub(crate) fn mark(&self) -> usize {
        self.list.len()
    }

    /// Puts those since `mark` into a field.
    pub(crate) fn nest(&mut self, mark: usize, field: &str) {
        if mark < self.list.len() {
            self.prefix(mark, field);
        }
    }

    /// Puts those since `mark` into an element of a list.
    pub(crate) fn nest_at(&mut self, mark: usize, field: &str, index: usize) {
        if mark < self.list.len() {
            self.prefix(mark, &format!("{field}[{index}]"));
        }
    }

    fn prefix(&mut self, mark: usize, prefix: &str) {
        for violation in self.list.iter_mut().skip(mark) {
            let dot = if violation.field.is_empty() { "" } else { "." };
            violation.field = format!("{prefix}{dot}{}", violation.field);
        }
    }
}

mod generated {
    #![allow(clippy::all, clippy::pedantic, clippy::restriction, unused)]
    include!(concat!(env!("OUT_DIR"), "/validators.rs"));
}

#[cfg(test)]
mod tests {
    use super::Violations;
    use crate::authorization::{BatchCheckRequest, CheckItem};

    #[test]
    fn a_violation_names_the_place_and_never_the_value() {
        let good = CheckItem {
            user_id: uuid::Uuid::nil().to_string(),
            permission: "a.b".into(),
            project_id: String::new(),
        };
        let bad = CheckItem {
            user_id: "secret".into(),
            ..good.clone()
        };
        let ask = BatchCheckRequest {
            items: vec![good.clone(), bad],
            at_least_revision: String::new(),
        };
        let found = Violations::of(&ask).into_list();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field, "items[1].user_id");
        assert_eq!(found[0].description, "must be a UUID");

        assert!(
            Violations::of(&BatchCheckRequest {
                items: vec![good],
                ..ask
            })
            .is_empty()
        );
    }

    #[test]
    fn what_is_told_is_bounded() {
        let items = vec![CheckItem::default(); 1000];
        let found = Violations::of(&BatchCheckRequest {
            items,
            at_least_revision: String::new(),
        });
        assert_eq!(found.into_list().len(), super::MOST);
    }
}

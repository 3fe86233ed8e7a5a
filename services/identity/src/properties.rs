//! The properties that a tenant defines for its users, and their values
//! (requirement U-05).
//!
//! Values are kept with the user, by name. They are checked when they are set;
//! what a definition became since makes no user unreadable.

mod create;
pub mod delete;
mod list;
mod update;
pub mod values;

use contract::identity::{
    CreatePropertyRequest, CreatePropertyResponse, DeletePropertyRequest, DeletePropertyResponse,
    ErrorReason, ListPropertiesRequest, ListPropertiesResponse, Property, PropertyType,
    UpdatePropertyRequest, UpdatePropertyResponse, property_service_server::PropertyService,
};
use rpc::{Because as _, Error, Reply};
use sqlx::types::Json;
use tonic::Request;

use crate::{
    Identity,
    db::properties::{Row, Type},
    timestamp,
};

#[tonic::async_trait]
impl PropertyService for Identity {
    async fn create_property(
        &self,
        request: Request<CreatePropertyRequest>,
    ) -> Reply<CreatePropertyResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn list_properties(
        &self,
        request: Request<ListPropertiesRequest>,
    ) -> Reply<ListPropertiesResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn update_property(
        &self,
        request: Request<UpdatePropertyRequest>,
    ) -> Reply<UpdatePropertyResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(update::run(self, &caller, ask).await)
    }

    async fn delete_property(
        &self,
        request: Request<DeletePropertyRequest>,
    ) -> Reply<DeletePropertyResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(delete::run(self, &caller, ask).await)
    }
}

/// Refuses where the tenant has no such property.
fn not_found() -> Error {
    ErrorReason::PropertyNotFound.because("the tenant has no property of this name")
}

/// A definition as it is kept, if it is one.
fn definition(property: &Property) -> Result<Row, Error> {
    let display_name = property.display_name.trim();
    if display_name.is_empty() {
        return Err(Error::field("property.display_name", "must not be blank"));
    }
    let type_ = type_of(property.r#type())?;
    match (type_, property.choices.is_empty()) {
        (Type::Choice, true) => {
            return Err(Error::field("property.choices", "must name at least one"));
        }
        (Type::Choice, false) | (_, true) => {}
        (_, false) => return Err(Error::field("property.choices", "is for a CHOICE")),
    }
    let mut row = Row {
        name: property.name.clone(),
        display_name: display_name.to_owned(),
        type_,
        required: property.required,
        choices: property.choices.clone(),
        default_value: None,
        user_editable: property.user_editable,
        create_time: chrono::DateTime::UNIX_EPOCH,
        update_time: chrono::DateTime::UNIX_EPOCH,
        version: 0,
    };
    let given = property.default_value.as_ref();
    if let Some(given) = given.and_then(|given| given.value.as_ref()) {
        let value = values::checked(&row, given)
            .map_err(|rule| Error::field("property.default_value", rule))?;
        row.default_value = Some(Json(value));
    }
    Ok(row)
}

fn type_of(given: PropertyType) -> Result<Type, Error> {
    Ok(match given {
        PropertyType::Text => Type::Text,
        PropertyType::Number => Type::Number,
        PropertyType::Boolean => Type::Boolean,
        PropertyType::Date => Type::Date,
        PropertyType::Choice => Type::Choice,
        PropertyType::Unspecified => return Err(Error::field("property.type", "is required")),
    })
}

impl From<Row> for Property {
    fn from(row: Row) -> Property {
        let of = match row.type_ {
            Type::Text => PropertyType::Text,
            Type::Number => PropertyType::Number,
            Type::Boolean => PropertyType::Boolean,
            Type::Date => PropertyType::Date,
            Type::Choice => PropertyType::Choice,
        };
        Property {
            name: row.name,
            display_name: row.display_name,
            r#type: of.into(),
            required: row.required,
            choices: row.choices,
            default_value: row.default_value.map(|Json(value)| value.into()),
            user_editable: row.user_editable,
            create_time: Some(timestamp(row.create_time)),
            update_time: Some(timestamp(row.update_time)),
            etag: row.version.to_string(),
        }
    }
}

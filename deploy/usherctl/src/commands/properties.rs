//! The tenant's own properties of users.

use contract::identity::{
    CreatePropertyRequest, DeletePropertyRequest, ListPropertiesRequest, Property, PropertyType,
    UpdatePropertyRequest, property_service_client::PropertyServiceClient,
};
use prost_types::FieldMask;

use super::users::update::{text, value};
use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::{word, yes},
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Properties {
    /// List the properties, by name
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Define a property
    #[command(
        after_help = "Example:\n  usherctl properties create shirt_size --type choice --choice S --choice M --choice L --default M --user-editable true"
    )]
    Create {
        /// The name: small letters, digits and underscores
        name: String,
        /// What it holds
        #[arg(long = "type")]
        of: Type,
        #[command(flatten)]
        given: Given,
    },
    /// Change a property; what is not named stays
    #[command(
        after_help = "Example:\n  usherctl properties update shirt_size --choice S --choice M --choice L --choice XL"
    )]
    Update {
        /// The name
        name: String,
        #[command(flatten)]
        given: Given,
    },
    /// Delete a property, and its value of every user
    Delete {
        /// The name
        name: String,
    },
}

/// What a property holds.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Type {
    /// Text of up to 200 characters.
    Text,
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// A day: 2026-11-22.
    Date,
    /// One of the choices.
    Choice,
}

/// What is said of a property.
#[derive(clap::Args)]
pub struct Given {
    /// The name shown to people; the name, where a property is created without
    #[arg(long)]
    display_name: Option<String>,
    /// Whether users have a value
    #[arg(long)]
    required: Option<bool>,
    /// What a choice may be; once for each
    #[arg(long)]
    choice: Vec<String>,
    /// What users get who are created without a value; empty for nothing
    #[arg(long)]
    default: Option<String>,
    /// Whether users set it for themselves
    #[arg(long)]
    user_editable: Option<bool>,
}

impl Properties {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = PropertyServiceClient::new(session.client.gateway());
        let request_id = names::request_id();
        let property = match self {
            Properties::List { limit } => return print(session, limit).await,
            Properties::Create { name, of, given } => {
                let (mut property, _) = given.read(&name, of.into())?;
                if property.display_name.is_empty() {
                    property.display_name = name;
                }
                let ask = CreatePropertyRequest {
                    property: Some(property),
                    request_id,
                };
                client.create_property(ask).await?.into_inner().property
            }
            Properties::Update { name, given } => {
                let there = all(session, Limit::ALL).await?.entries;
                let of = there.iter().find(|one| one.name == name);
                let (property, paths) =
                    given.read(&name, of.map(Property::r#type).unwrap_or_default())?;
                let ask = UpdatePropertyRequest {
                    property: Some(property),
                    update_mask: Some(FieldMask { paths }),
                    etag: String::new(),
                    request_id,
                };
                client.update_property(ask).await?.into_inner().property
            }
            Properties::Delete { name } => {
                let done = format!("done: {name}");
                let ask = DeletePropertyRequest { name, request_id };
                client.delete_property(ask).await?;
                session.print.say(&done);
                return Ok(());
            }
        };
        show(session, &property.unwrap_or_default())
    }
}

impl Given {
    /// The property that is meant, and the names of the fields that are given.
    fn read(self, name: &str, of: PropertyType) -> Result<(Property, Vec<String>), Failure> {
        let mut property = Property {
            name: name.to_owned(),
            r#type: of.into(),
            ..Property::default()
        };
        let mut paths = Vec::new();
        let mut note = |name: &str| paths.push(name.to_owned());
        if let Some(display_name) = self.display_name {
            property.display_name = display_name;
            note("display_name");
        }
        if let Some(required) = self.required {
            property.required = required;
            note("required");
        }
        if !self.choice.is_empty() {
            property.choices = self.choice;
            note("choices");
        }
        if let Some(default) = self.default {
            if !default.is_empty() {
                property.default_value = Some(value(of, &default)?);
            }
            note("default_value");
        }
        if let Some(user_editable) = self.user_editable {
            property.user_editable = user_editable;
            note("user_editable");
        }
        Ok((property, paths))
    }
}

impl From<Type> for PropertyType {
    fn from(of: Type) -> PropertyType {
        match of {
            Type::Text => PropertyType::Text,
            Type::Number => PropertyType::Number,
            Type::Boolean => PropertyType::Boolean,
            Type::Date => PropertyType::Date,
            Type::Choice => PropertyType::Choice,
        }
    }
}

fn kind(property: &Property) -> String {
    word(property.r#type().as_str_name(), "PROPERTY_TYPE_")
}

fn show(session: &Session, property: &Property) -> Result<(), Failure> {
    let fields = [
        ("Name", property.name.clone()),
        ("Shown as", property.display_name.clone()),
        ("Type", kind(property)),
        ("Choices", property.choices.join(", ")),
        ("Default", text(property.default_value.as_ref())),
        ("Required", yes(property.required)),
        ("Users set it", yes(property.user_editable)),
    ];
    session.print.one(property, &fields)
}

async fn all(session: &Session, limit: Limit) -> Result<crate::pages::Listed<Property>, Failure> {
    let client = PropertyServiceClient::new(session.client.gateway());
    let page = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListPropertiesRequest {
            page_size,
            page_token,
        };
        async move { client.list_properties(ask).await }
    };
    list(limit, page, |page| {
        (page.properties, page.next_page_token, page.total_size)
    })
    .await
}

async fn print(session: &Session, limit: Limit) -> Result<(), Failure> {
    let listed = all(session, limit).await?;
    let header = [
        "Name",
        "Shown as",
        "Type",
        "Choices",
        "Default",
        "Required",
        "Users set it",
    ];
    session.print.many(&listed, header, |property: &Property| {
        [
            property.name.clone(),
            property.display_name.clone(),
            kind(property),
            property.choices.join(", "),
            text(property.default_value.as_ref()),
            yes(property.required),
            yes(property.user_editable),
        ]
    })
}

//! Changing a user.

use contract::identity::{
    ListPropertiesRequest, Property, PropertyType, PropertyValue, UpdateUserRequest, User,
    UserFields, UserProperty, factor_service_client::FactorServiceClient,
    property_service_client::PropertyServiceClient, property_value::Value,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;

use crate::{
    Session,
    commands::mfa::Proof,
    failure::Failure,
    names,
    pages::{Limit, list},
};

/// Whom, and what; what is not named stays, and what is empty is taken away.
#[derive(clap::Args)]
pub struct Update {
    /// Whom; oneself where nobody is named
    user: Option<String>,
    /// The first name
    #[arg(long)]
    first_name: Option<String>,
    /// The last name
    #[arg(long)]
    last_name: Option<String>,
    /// The name for logging in
    #[arg(long)]
    username: Option<String>,
    /// The address; the former one is told
    #[arg(long)]
    email: Option<String>,
    #[command(flatten)]
    details: Details,
    #[command(flatten)]
    proof: Proof,
    /// The etag last read: refused where the user was changed since
    #[arg(long, default_value = "")]
    etag: String,
}

/// What is known of a user beside their names.
#[derive(clap::Args)]
pub struct Details {
    /// The telephone number: +4930901820
    #[arg(long)]
    phone: Option<String>,
    /// The time zone: Europe/Berlin
    #[arg(long)]
    time_zone: Option<String>,
    /// The language of mails: en or de
    #[arg(long)]
    language: Option<String>,
    /// The address of a picture, with https
    #[arg(long)]
    avatar_uri: Option<String>,
    /// The objectGUID in Active Directory
    #[arg(long)]
    active_directory_id: Option<String>,
    /// The id of the classification level
    #[arg(long)]
    classification_level_id: Option<String>,
    /// A property of the tenant's own: NAME=VALUE. Without a value it is taken
    /// away
    #[arg(long = "property", value_name = "NAME=VALUE")]
    properties: Vec<String>,
}

impl Update {
    pub async fn run(self, session: &Session) -> Result<User, Failure> {
        let user_id = match &self.user {
            Some(user) => names::user(session, user).await?,
            None => String::new(),
        };
        let (mut fields, mut paths) = self.details.read(session).await?;
        let names = [
            ("first_name", self.first_name, &mut fields.first_name),
            ("last_name", self.last_name, &mut fields.last_name),
            ("username", self.username, &mut fields.username),
            ("email", self.email, &mut fields.email),
        ];
        take(&mut paths, names);
        if paths.is_empty() {
            return Err(Failure::usage("say what to change".to_owned()));
        }
        let own_name = |path: &String| path == "email" || path == "username";
        if user_id.is_empty() && paths.iter().any(own_name) {
            let mut client = FactorServiceClient::new(session.client.gateway());
            self.proof.give(&mut client).await?;
        }
        let ask = UpdateUserRequest {
            user_id,
            user: Some(fields),
            update_mask: Some(FieldMask { paths }),
            etag: self.etag,
            request_id: names::request_id(),
        };
        let mut client = UserServiceClient::new(session.client.gateway());
        Ok(client
            .update_user(ask)
            .await?
            .into_inner()
            .user
            .unwrap_or_default())
    }
}

impl Details {
    /// The fields that are given, and their names.
    pub async fn read(self, session: &Session) -> Result<(UserFields, Vec<String>), Failure> {
        let (mut fields, mut paths) = (UserFields::default(), Vec::new());
        let given = [
            ("phone", self.phone, &mut fields.phone),
            ("time_zone", self.time_zone, &mut fields.time_zone),
            ("language", self.language, &mut fields.language),
            ("avatar_uri", self.avatar_uri, &mut fields.avatar_uri),
            (
                "active_directory_id",
                self.active_directory_id,
                &mut fields.active_directory_id,
            ),
            (
                "classification_level_id",
                self.classification_level_id,
                &mut fields.classification_level_id,
            ),
        ];
        take(&mut paths, given);
        if !self.properties.is_empty() {
            fields.properties = properties(session, &self.properties).await?;
            paths.push("properties".into());
        }
        Ok((fields, paths))
    }
}

/// Puts what is given into its field, and notes the field's name.
fn take<const N: usize>(paths: &mut Vec<String>, given: [(&str, Option<String>, &mut String); N]) {
    for (name, value, field) in given {
        if let Some(value) = value {
            *field = value;
            paths.push(name.to_owned());
        }
    }
}

/// Values of the types that the tenant defined.
async fn properties(session: &Session, given: &[String]) -> Result<Vec<UserProperty>, Failure> {
    let client = PropertyServiceClient::new(session.client.gateway());
    let page = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_properties(ListPropertiesRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    let defined = list(Limit::ALL, page, |page| {
        (page.properties, page.next_page_token, page.total_size)
    })
    .await?;
    let read = |setting: &String| {
        let (name, text) = setting
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("{setting:?} is not a NAME=VALUE")))?;
        let of = defined.entries.iter().find(|one| one.name == name);
        Ok(UserProperty {
            name: name.to_owned(),
            value: match text {
                "" => None,
                text => Some(value(of.map(Property::r#type).unwrap_or_default(), text)?),
            },
        })
    };
    given.iter().map(read).collect()
}

/// A text as a value of a type. What a name without a definition is to be, the
/// server refuses anyway.
pub fn value(of: PropertyType, text: &str) -> Result<PropertyValue, Failure> {
    let wanted = |what: &str| Failure::usage(format!("{text:?} is not {what}"));
    let value = match of {
        PropertyType::Number => Value::Number(text.parse().map_err(|_| wanted("a number"))?),
        PropertyType::Boolean => Value::Boolean(text.parse().map_err(|_| wanted("true or false"))?),
        _ => Value::Text(text.to_owned()),
    };
    Ok(PropertyValue { value: Some(value) })
}

/// A value in words.
pub fn text(value: Option<&PropertyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Boolean(is)) => is.to_string(),
        None => String::new(),
    }
}

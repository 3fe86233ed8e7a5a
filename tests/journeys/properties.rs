//! The tenant's own properties of users (U-05).

mod definitions;

use contract::identity::{
    CreatePropertyRequest, CreateUserRequest, DeletePropertyRequest, GetUserRequest,
    ListPropertiesRequest, Property, PropertyType, PropertyValue, UpdatePropertyRequest,
    UpdateUserRequest, User, UserFields, UserProperty,
    property_service_client::PropertyServiceClient, property_value::Value,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;
use testkit::{Client, refusal};
use tonic::Status;
use usher_tests::{Company, Suite, password};

use crate::assert_refused;

#[expect(clippy::unnecessary_wraps, reason = "a value that there is")]
fn text(text: &str) -> Option<PropertyValue> {
    let value = Some(Value::Text(text.into()));
    Some(PropertyValue { value })
}

#[expect(clippy::unnecessary_wraps, reason = "a value that there is")]
fn number(number: f64) -> Option<PropertyValue> {
    let value = Some(Value::Number(number));
    Some(PropertyValue { value })
}

#[expect(clippy::unnecessary_wraps, reason = "a value that there is")]
fn boolean(is: bool) -> Option<PropertyValue> {
    let value = Some(Value::Boolean(is));
    Some(PropertyValue { value })
}

fn property(name: &str, of: PropertyType) -> Property {
    Property {
        name: name.into(),
        display_name: format!("The {name}"),
        r#type: of.into(),
        ..Default::default()
    }
}

async fn define(client: &Client, property: Property) -> Result<Property, Status> {
    let ask = CreatePropertyRequest {
        property: Some(property),
        ..Default::default()
    };
    let mut properties = PropertyServiceClient::new(client.clone());
    let reply = properties.create_property(ask).await?.into_inner();
    Ok(reply.property.expect("a property"))
}

async fn redefine(client: &Client, property: Property, paths: &[&str]) -> Result<Property, Status> {
    let ask = UpdatePropertyRequest {
        etag: property.etag.clone(),
        property: Some(property),
        update_mask: Some(mask(paths)),
        ..Default::default()
    };
    let mut properties = PropertyServiceClient::new(client.clone());
    let reply = properties.update_property(ask).await?.into_inner();
    Ok(reply.property.expect("a property"))
}

async fn undefine(client: &Client, name: &str) -> Result<(), Status> {
    let ask = DeletePropertyRequest {
        name: name.into(),
        ..Default::default()
    };
    let mut properties = PropertyServiceClient::new(client.clone());
    properties.delete_property(ask).await.map(|_| ())
}

async fn names(client: &Client) -> Vec<String> {
    let mut properties = PropertyServiceClient::new(client.clone());
    let reply = properties
        .list_properties(ListPropertiesRequest::default())
        .await;
    let listed = reply.expect("properties").into_inner().properties;
    listed.into_iter().map(|one| one.name).collect()
}

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    }
}

type Given<'a> = &'a [(&'a str, Option<PropertyValue>)];

fn given(values: Given<'_>) -> Vec<UserProperty> {
    let one = |(name, value): &(&str, Option<PropertyValue>)| UserProperty {
        name: (*name).to_owned(),
        value: value.clone(),
    };
    values.iter().map(one).collect()
}

async fn create(acme: &Company, email: &str, values: Given<'_>) -> Result<User, Status> {
    let ask = CreateUserRequest {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: email.into(),
        password: password(),
        properties: given(values),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    let reply = users.create_user(ask).await?.into_inner();
    Ok(reply.user.expect("a user"))
}

async fn set(client: &Client, user_id: &str, values: Given<'_>) -> Result<User, Status> {
    let ask = UpdateUserRequest {
        user_id: user_id.into(),
        user: Some(UserFields {
            properties: given(values),
            ..Default::default()
        }),
        update_mask: Some(mask(&["properties"])),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    let reply = users.update_user(ask).await?.into_inner();
    Ok(reply.user.expect("a user"))
}

async fn get(client: &Client, user_id: &str) -> User {
    let ask = GetUserRequest {
        user_id: user_id.into(),
    };
    let reply = UserServiceClient::new(client.clone()).get_user(ask).await;
    reply.expect("a user").into_inner().user.expect("a user")
}

fn of(user: &User, name: &str) -> Option<PropertyValue> {
    let mut found = user.properties.iter().filter(|one| one.name == name);
    found.next().and_then(|one| one.value.clone())
}

fn refusal_fields(status: &Status) -> Vec<String> {
    refusal(status).fields
}

#[tokio::test]
async fn u_05_a_tenant_defines_properties_and_users_have_values_of_their_types() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let size = Property {
        choices: vec!["S".into(), "M".into()],
        default_value: text("M"),
        ..property("shirt_size", PropertyType::Choice)
    };
    let size = define(admin, size).await.unwrap();
    assert_eq!(size.default_value, text("M"));
    for (name, of) in [
        ("cost_center", PropertyType::Text),
        ("floor", PropertyType::Number),
        ("on_call", PropertyType::Boolean),
        ("hired", PropertyType::Date),
    ] {
        define(admin, property(name, of)).await.unwrap();
    }
    assert_eq!(
        names(admin).await,
        ["cost_center", "floor", "hired", "on_call", "shirt_size"]
    );
    assert_refused!(
        define(admin, property("floor", PropertyType::Text)).await,
        "PROPERTY_EXISTS"
    );

    let all: [(&str, Option<PropertyValue>); 4] = [
        ("cost_center", text("4711")),
        ("floor", number(-1.5)),
        ("hired", text("2024-02-29")),
        ("on_call", boolean(false)),
    ];
    let user = create(&acme, "ada@acme.example", &all).await.unwrap();
    for (name, value) in &all {
        assert_eq!(of(&user, name), *value, "{name}");
    }
    assert_eq!(of(&user, "shirt_size"), text("M"), "the default");
    // What is not named stays, what has no value goes.
    let other = [("floor", number(3.0)), ("hired", None)];
    let changed = set(admin, &user.id, &other).await.unwrap();
    assert_eq!(of(&changed, "floor"), number(3.0));
    assert_eq!(of(&changed, "hired"), None);
    assert_eq!(of(&changed, "cost_center"), text("4711"));

    for (name, wrong) in [
        ("cost_center", number(1.0)),
        ("cost_center", text("  ")),
        ("floor", text("3")),
        ("floor", number(f64::INFINITY)),
        ("hired", text("29.2.2024")),
        ("hired", text("2023-02-29")),
        ("on_call", text("true")),
        ("shirt_size", text("XL")),
    ] {
        let refusal = assert_refused!(
            set(admin, &user.id, &[(name, wrong.clone())]).await,
            "FIELD_INVALID"
        );
        assert_eq!(
            refusal.fields,
            [format!("properties[{name:?}]")],
            "{wrong:?}"
        );
    }
    assert_eq!(
        get(admin, &user.id).await,
        changed,
        "a refusal changes nothing"
    );
    suite.stop().await;
}

#[tokio::test]
async fn u_05_a_required_property_is_not_left_out() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let before = create(&acme, "before@acme.example", &[]).await.unwrap();
    let needed = Property {
        required: true,
        ..property("cost_center", PropertyType::Text)
    };
    define(admin, needed).await.unwrap();
    let refusal = assert_refused!(
        create(&acme, "ada@acme.example", &[]).await,
        "FIELD_INVALID"
    );
    assert_eq!(refusal.fields, [r#"properties["cost_center"]"#]);
    let user = create(&acme, "ada@acme.example", &[("cost_center", text("1"))])
        .await
        .unwrap();
    assert_refused!(
        set(admin, &user.id, &[("cost_center", None)]).await,
        "FIELD_INVALID"
    );
    // Who was there before, and who is invited, is not shut out by it.
    assert!(get(admin, &before.id).await.properties.is_empty());
    let invited = acme.invite("invited@acme.example").await.unwrap();
    assert!(get(admin, &invited.user_id).await.properties.is_empty());
    suite.stop().await;
}

#[tokio::test]
async fn u_05_users_set_what_the_tenant_leaves_to_them() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let own = Property {
        user_editable: true,
        ..property("nickname", PropertyType::Text)
    };
    define(admin, own).await.unwrap();
    define(admin, property("grade", PropertyType::Number))
        .await
        .unwrap();
    let ada = acme.member_without_roles("ada@acme.example").await;
    assert_eq!(
        names(&ada.client).await,
        ["grade", "nickname"],
        "she sees what there is"
    );
    set(admin, &ada.user_id, &[("grade", number(3.0))])
        .await
        .unwrap();
    let changed = set(&ada.client, "", &[("nickname", text("Countess"))])
        .await
        .unwrap();
    assert_eq!(of(&changed, "nickname"), text("Countess"));
    assert_eq!(of(&changed, "grade"), number(3.0));
    for given in [number(9.0), None] {
        assert_refused!(
            set(&ada.client, "", &[("grade", given)]).await,
            "PERMISSION_DENIED"
        );
    }
    assert_refused!(
        define(&ada.client, property("it", PropertyType::Text)).await,
        "PERMISSION_DENIED"
    );
    suite.stop().await;
}

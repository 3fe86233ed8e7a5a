//! What is a definition, and what becomes of values when it changes.

use contract::identity::{Property, PropertyType};
use sqlx::Connection as _;
use testkit::eventually;
use usher_tests::{Suite, suite::MANY_CALLS};

use super::{
    create, define, get, names, number, of, property, redefine, refusal_fields, set, text, undefine,
};
use crate::assert_refused;

#[tokio::test]
async fn u_05_a_changed_definition_leaves_every_user_readable() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let size = Property {
        choices: vec!["S".into(), "M".into()],
        default_value: text("M"),
        ..property("shirt_size", PropertyType::Choice)
    };
    let size = define(admin, size).await.unwrap();
    let invited = acme.invite("invited@acme.example").await.unwrap().user_id;
    assert_eq!(of(&get(admin, &invited).await, "shirt_size"), text("M"));

    let smaller = Property {
        choices: vec!["S".into()],
        ..size.clone()
    };
    let refusal = redefine(admin, smaller.clone(), &["choices"])
        .await
        .unwrap_err();
    assert_eq!(refusal_fields(&refusal), ["property.default_value"]);
    let without = Property {
        default_value: None,
        ..smaller
    };
    let without = redefine(admin, without, &["choices", "default_value"])
        .await
        .unwrap();
    assert_eq!((without.choices.len(), &without.default_value), (1, &None));
    assert_refused!(
        redefine(admin, size.clone(), &["choices"]).await,
        "ETAG_MISMATCH"
    );
    for fixed in ["name", "type", "etag", "nonsense"] {
        let refusal = redefine(admin, without.clone(), &[fixed])
            .await
            .unwrap_err();
        assert_eq!(refusal_fields(&refusal), ["update_mask"], "{fixed}");
    }
    // The value that is on no list any more stays until another is set.
    assert_eq!(of(&get(admin, &invited).await, "shirt_size"), text("M"));
    assert_refused!(
        set(admin, &invited, &[("shirt_size", text("M"))]).await,
        "FIELD_INVALID"
    );
    set(admin, &invited, &[("shirt_size", text("S"))])
        .await
        .unwrap();

    // One user whom nobody can change does not keep it: it is gone for all at once.
    let mut held = suite.database().connect().await;
    let mut lock = held.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM identity.users WHERE id = $1::uuid FOR UPDATE")
        .bind(&invited)
        .execute(&mut *lock)
        .await
        .expect("a lock");
    undefine(admin, "shirt_size").await.unwrap();
    assert!(get(admin, &invited).await.properties.is_empty());
    assert_eq!(names(admin).await, Vec::<String>::new());
    let again = || define(admin, property("shirt_size", PropertyType::Number));
    assert_refused!(again().await, "PROPERTY_EXISTS");
    lock.rollback().await.expect("no lock");
    // The same name again begins with nothing.
    eventually("a name that is free", || async { again().await.is_ok() }).await;
    assert!(get(admin, &invited).await.properties.is_empty());
    suite.stop().await;
}

#[tokio::test]
async fn u_05_a_definition_that_is_none_is_refused() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let choices = vec!["S".to_owned()];
    let wrong = [
        ("property.name", property("Shirt", PropertyType::Text)),
        ("property.name", property("", PropertyType::Text)),
        ("property.type", property("it", PropertyType::Unspecified)),
        ("property.choices", property("it", PropertyType::Choice)),
        (
            "property.choices",
            Property {
                choices,
                ..property("it", PropertyType::Text)
            },
        ),
        (
            "property.default_value",
            Property {
                default_value: text("many"),
                ..property("it", PropertyType::Number)
            },
        ),
        (
            "property.display_name",
            Property {
                display_name: " ".into(),
                ..property("it", PropertyType::Text)
            },
        ),
    ];
    for (field, property) in wrong {
        let refused = define(admin, property).await.expect_err(field);
        assert_eq!(refusal_fields(&refused), [field], "{refused:?}");
    }
    for number in 0..100 {
        define(admin, property(&format!("p{number}"), PropertyType::Text))
            .await
            .expect("there is room for 100");
    }
    let one_more = define(admin, property("one_more", PropertyType::Text)).await;
    assert_refused!(one_more, "FIELD_INVALID");
    suite.stop().await;
}

#[tokio::test]
async fn u_05_an_unknown_property_is_refused_by_its_name() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let theirs = suite.company("theirs").await;
    define(
        &theirs.admin.client,
        property("floor", PropertyType::Number),
    )
    .await
    .unwrap();
    let refusal = assert_refused!(
        create(&acme, "ada@acme.example", &[("floor", number(1.0))]).await,
        "PROPERTY_UNKNOWN"
    );
    assert_eq!(refusal.fields, [r#"properties["floor"]"#]);
    let user = create(&acme, "ada@acme.example", &[]).await.unwrap();
    assert_refused!(
        set(&acme.admin.client, &user.id, &[("floor", None)]).await,
        "PROPERTY_UNKNOWN"
    );
    assert_refused!(
        undefine(&acme.admin.client, "floor").await,
        "PROPERTY_NOT_FOUND"
    );
    suite.stop().await;
}

#[tokio::test]
async fn u_05_all_values_of_a_user_together_have_a_bound() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let user = create(&acme, "ada@acme.example", &[]).await.unwrap();
    let long = "\u{1d538}".repeat(200);
    for number in 0..12 {
        let name = format!("note_{number}");
        define(admin, property(&name, PropertyType::Text))
            .await
            .unwrap();
        let changed = set(admin, &user.id, &[(name.as_str(), text(&long))]).await;
        // Each takes some 820 bytes of the 8192.
        if number < 9 {
            changed.unwrap();
        } else if let Err(refused) = changed {
            assert_eq!(refusal_fields(&refused), ["properties"]);
            assert_eq!(get(admin, &user.id).await.properties.len(), number);
            suite.stop().await;
            return;
        }
    }
    panic!("there is no bound");
}

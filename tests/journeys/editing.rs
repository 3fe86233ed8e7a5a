//! What is known of users, and who changes it (U-01, U-06, U-15, U-16).

mod addresses;
mod rights;

use contract::identity::{
    AuthenticationProvider, CreateUserRequest, DeleteUserRequest, GetUserRequest,
    ListAuditRecordsRequest, UpdateUserRequest, User, UserFields,
    audit_service_client::AuditServiceClient, user_service_client::UserServiceClient,
};
use prost_types::FieldMask;
use testkit::{Client, eventually, refusal};
use tonic::Status;
use usher_tests::{Suite, password};

use crate::assert_refused;

/// Every field but the names.
const DETAILS: [&str; 6] = [
    "phone",
    "time_zone",
    "language",
    "avatar_uri",
    "active_directory_id",
    "classification_level_id",
];

fn asking(user_id: &str, user: &UserFields, paths: &[&str]) -> UpdateUserRequest {
    UpdateUserRequest {
        user_id: user_id.into(),
        user: Some(user.clone()),
        update_mask: Some(FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..Default::default()
    }
}

async fn send(client: &Client, ask: UpdateUserRequest) -> Result<User, Status> {
    let mut users = UserServiceClient::new(client.clone());
    let reply = users.update_user(ask).await?.into_inner();
    Ok(reply.user.expect("a user"))
}

pub(crate) async fn update(
    client: &Client,
    user_id: &str,
    user: &UserFields,
    paths: &[&str],
) -> Result<User, Status> {
    send(client, asking(user_id, user, paths)).await
}

async fn get(client: &Client, user_id: &str) -> User {
    let ask = GetUserRequest {
        user_id: user_id.into(),
    };
    let reply = UserServiceClient::new(client.clone()).get_user(ask).await;
    reply.expect("a user").into_inner().user.expect("a user")
}

fn details() -> UserFields {
    UserFields {
        phone: "+4930901820".into(),
        time_zone: "europe/berlin".into(),
        language: "de".into(),
        avatar_uri: "https://pictures.example/ada.png?size=64".into(),
        active_directory_id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff".into(),
        classification_level_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    }
}

fn email(email: &str) -> UserFields {
    UserFields {
        email: email.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn u_01_u_16_a_user_has_all_that_is_known_of_them() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let given = details();
    let ask = CreateUserRequest {
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        email: "ada@acme.example".into(),
        password: password(),
        language: given.language.clone(),
        phone: given.phone.clone(),
        time_zone: given.time_zone.clone(),
        avatar_uri: given.avatar_uri.clone(),
        active_directory_id: given.active_directory_id.clone(),
        classification_level_id: given.classification_level_id.clone(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(admin.clone());
    let created = users
        .create_user(ask)
        .await
        .unwrap()
        .into_inner()
        .user
        .unwrap();
    let bare = acme.user("bare@acme.example", &password()).await;
    let bare = update(admin, &bare, &given, &DETAILS).await.unwrap();
    for user in [&created, &bare] {
        assert_eq!(user.phone, given.phone);
        assert_eq!(user.time_zone, "Europe/Berlin", "as the database spells it");
        assert_eq!(user.language, "de");
        assert_eq!(user.avatar_uri, given.avatar_uri);
        assert_eq!(user.active_directory_id, given.active_directory_id);
        assert_eq!(user.classification_level_id, given.classification_level_id);
        assert_eq!(
            user.authentication_provider(),
            AuthenticationProvider::Local
        );
        assert_eq!(&get(admin, &user.id).await, user);
    }
    let emptied = update(admin, &bare.id, &UserFields::default(), &DETAILS)
        .await
        .unwrap();
    assert_eq!(
        (emptied.phone, emptied.time_zone),
        (String::new(), String::new())
    );
    assert_eq!(emptied.avatar_uri, "", "clients show the initials");
    assert_eq!(emptied.language, "en", "the tenant's");
    suite.stop().await;
}

#[tokio::test]
async fn u_06_only_what_the_mask_names_changes_and_the_etag_holds_it_together() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let id = acme.user("ada@acme.example", &password()).await;
    let before = get(admin, &id).await;
    let given = UserFields {
        last_name: "Byron".into(),
        phone: "+441234567890".into(),
        email: "elsewhere@acme.example".into(),
        ..Default::default()
    };
    let mut ask = asking(&id, &given, &["last_name"]);
    ask.etag = before.etag.clone();
    ask.request_id = uuid::Uuid::new_v4().to_string();
    let changed = send(admin, ask.clone()).await.unwrap();
    let expected = User {
        last_name: "Byron".into(),
        etag: changed.etag.clone(),
        update_time: changed.update_time,
        ..before.clone()
    };
    assert_eq!(changed, expected);
    assert_ne!(changed.etag, before.etag);
    assert_eq!(send(admin, ask.clone()).await.unwrap(), changed, "repeated");

    ask.request_id = String::new();
    let refused = assert_refused!(send(admin, ask).await, "ETAG_MISMATCH");
    assert_eq!(refused.code, tonic::Code::Aborted);
    assert_eq!(refused.metadata["etag"], changed.etag);
    // The same again changes nothing, and says so.
    let same = update(admin, &id, &given, &["last_name"]).await.unwrap();
    assert_eq!(same, changed);

    for path in ["id", "tenant_id", "status", "verified", "nonsense", ""] {
        let refused = update(admin, &id, &given, &[path]).await.expect_err(path);
        assert_eq!(refusal(&refused).fields, ["update_mask"], "{path}");
    }
    assert_refused!(update(admin, &id, &given, &[]).await, "FIELD_INVALID");
    suite.stop().await;
}

#[tokio::test]
async fn u_06_a_bad_field_is_named() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let id = acme.user("ada@acme.example", &password()).await;
    let with = |change: fn(&mut UserFields)| {
        let mut fields = UserFields::default();
        change(&mut fields);
        fields
    };
    let table = [
        (
            "phone",
            "user.phone",
            with(|user| user.phone = "030 901820".into()),
        ),
        (
            "phone",
            "user.phone",
            with(|user| user.phone = "+0123456789".into()),
        ),
        (
            "time_zone",
            "time_zone",
            with(|user| user.time_zone = "Europe/Atlantis".into()),
        ),
        (
            "avatar_uri",
            "user.avatar_uri",
            with(|user| user.avatar_uri = "http://a.example".into()),
        ),
        (
            "avatar_uri",
            "user.avatar_uri",
            with(|user| user.avatar_uri = "https://a\"b".into()),
        ),
        (
            "language",
            "user.language",
            with(|user| user.language = "xx".into()),
        ),
        (
            "email",
            "user.email",
            with(|user| user.email = "no address".into()),
        ),
        ("email", "email", UserFields::default()),
        (
            "first_name",
            "first_name",
            with(|user| user.first_name = " ".into()),
        ),
        ("last_name", "last_name", UserFields::default()),
        (
            "active_directory_id",
            "user.active_directory_id",
            with(|user| user.active_directory_id = "7".into()),
        ),
    ];
    let before = get(admin, &id).await;
    for (path, field, given) in table {
        let refused = update(admin, &id, &given, &[path]).await.expect_err(path);
        let refused = refusal(&refused);
        assert_eq!(
            (refused.reason.as_str(), refused.fields),
            ("FIELD_INVALID", vec![field.to_owned()])
        );
    }
    assert_eq!(get(admin, &id).await, before);
    suite.stop().await;
}

/// What the trail tells of the fields of a user that were changed.
async fn told(client: &Client, user_id: &str) -> Vec<(String, String, String)> {
    let ask = ListAuditRecordsRequest {
        actions: vec!["user_updated".into()],
        target_id: user_id.into(),
        ..Default::default()
    };
    let mut trail = AuditServiceClient::new(client.clone());
    let page = trail.list_audit_records(ask).await.expect("records");
    let records = page.into_inner().records.into_iter();
    let changes = records.flat_map(|record| record.changes);
    changes
        .map(|one| (one.field, one.before, one.after))
        .collect()
}

#[tokio::test]
async fn o_03_u_12_the_trail_tells_what_was_before_until_the_user_is_deleted() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let id = acme.user("ada@acme.example", &password()).await;
    let before = get(admin, &id).await;
    let fields = UserFields {
        last_name: "Byron".into(),
        phone: "+4930901820".into(),
        ..Default::default()
    };
    let paths = ["last_name", "phone"];
    update(admin, &id, &fields, &paths).await.expect("changed");
    let change = |field: &str, before: &str, after: &str| {
        (field.to_owned(), before.to_owned(), after.to_owned())
    };
    let expected = [
        change("last_name", &before.last_name, "Byron"),
        change("phone", "", "+4930901820"),
    ];
    eventually("the record", || async {
        told(admin, &id).await == expected
    })
    .await;
    // What changes nothing is no change.
    update(admin, &id, &fields, &paths).await.expect("the same");
    let ask = DeleteUserRequest {
        user_id: id.clone(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(admin.clone());
    users.delete_user(ask).await.expect("deleted");
    eventually("nothing of the person", || async {
        told(admin, &id).await.is_empty()
    })
    .await;
    suite.stop().await;
}

//! Words of one or two letters.

use contract::identity::{
    CreateUserRequest, ListUsersRequest, user_service_client::UserServiceClient,
};
use usher_tests::{Company, Suite, password};

use super::who;

async fn person(acme: &Company, first: &str, last: &str, email: &str, username: &str) {
    let ask = CreateUserRequest {
        first_name: first.into(),
        last_name: last.into(),
        email: email.into(),
        username: username.into(),
        password: password(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    users.create_user(ask).await.expect("a user");
}

/// As in an address book: from the first letter on, where a name begins.
#[tokio::test]
async fn u_08_one_letter_finds_who_begins_with_it() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    person(&acme, "Jürgen", "Ömmel", "one@acme.example", "quick").await;
    person(&acme, "Olga", "Joost", "two@acme.example", "").await;
    person(&acme, "Xi", "李", "three@acme.example", "").await;
    let cases: [(&str, &[&str]); 12] = [
        ("j", &["two", "one"]),
        ("J\u{fc}", &["one"]),
        ("o", &["two", "one"]),
        ("öm", &["one"]),
        ("mm", &[]),
        ("tw", &["two"]),
        ("q", &["one"]),
        ("ui", &[]),
        ("李", &["three"]),
        ("o j", &["two", "one"]),
        ("o acme", &["two", "one"]),
        ("%", &[]),
    ];
    for (query, expected) in cases {
        let ask = ListUsersRequest {
            query: query.into(),
            ..Default::default()
        };
        assert_eq!(who(&acme, ask).await, expected, "{query:?}");
    }
    suite.stop().await;
}

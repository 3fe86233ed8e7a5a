//! Who changes whom, and what is said of it.

use contract::authorization::RoleSet;
use contract::identity::{
    Event, ListAuditRecordsRequest, LoginRequest, MfaPolicy, UserFields,
    audit_service_client::AuditServiceClient, event::Kind,
    login_service_client::LoginServiceClient,
};
use prost::Message as _;
use testkit::until;
use usher_tests::{Suite, password, sign_in};

use super::{details, email, get, update};
use crate::{assert_refused, factors::reauthenticate};

#[tokio::test]
async fn u_06_everybody_changes_their_own_account_and_nothing_beyond() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let ada = acme.member_without_roles("ada@acme.example").await;
    let other = acme.user("other@acme.example", &password()).await;
    let given = UserFields {
        first_name: "Augusta".into(),
        last_name: "King".into(),
        username: "countess".into(),
        email: "countess@acme.example".into(),
        ..details()
    };
    let own = [
        "first_name",
        "last_name",
        "phone",
        "time_zone",
        "language",
        "avatar_uri",
    ];
    let changed = update(&ada.client, "", &given, &own).await.unwrap();
    assert_eq!(
        (changed.first_name.as_str(), changed.last_name.as_str()),
        ("Augusta", "King")
    );
    update(&ada.client, &ada.user_id, &given, &own)
        .await
        .expect("by her id");
    for path in [
        "username",
        "email",
        "active_directory_id",
        "classification_level_id",
        "*",
    ] {
        let refused = update(&ada.client, "", &given, &["phone", path]).await;
        let refused = assert_refused!(refused, "PERMISSION_DENIED");
        assert_eq!(refused.metadata["permission"], "users.update", "{path}");
    }
    assert_refused!(
        update(&ada.client, &other, &given, &["phone"]).await,
        "PERMISSION_DENIED"
    );
    // Whoever may change users may change all of their own account.
    let secret = password();
    let boss = acme.user("first@acme.example", &secret).await;
    acme.grant(&boss, "admin", "").await.expect("a role");
    let boss = sign_in(&acme.anyone, "acme", "first@acme.example", &secret).await;
    let boss = boss.expect("a login").client;
    // But for the address: with it goes the account, so who it is must be fresh.
    for path in ["email", "username"] {
        let given = UserFields {
            username: "boss@acme.example".into(),
            ..email("boss@acme.example")
        };
        assert_refused!(
            update(&boss, "", &given, &[path]).await,
            "REAUTHENTICATION_REQUIRED"
        );
    }
    reauthenticate(&boss, &secret, None).await.expect("fresh");
    let moved = update(&boss, "", &email("boss@acme.example"), &["email"]).await;
    assert_eq!(moved.unwrap().email, "boss@acme.example");
    // One's own account is where one lives.
    let operator = update(&acme.operator, "", &given, &["phone"])
        .await
        .unwrap();
    assert_eq!(operator.id, suite.operator().user_id);
    suite.stop().await;
}

#[tokio::test]
async fn a_04_nobody_changes_who_may_do_more_than_they() {
    let suite = Suite::start().await;
    let acme = suite
        .company_with("acme", RoleSet::Project, MfaPolicy::Optional)
        .await;
    let co_admin = acme.member("co@acme.example", "co-admin").await;
    let taken = email("mine@evil.example");
    assert_refused!(
        update(&co_admin.client, &acme.admin.user_id, &taken, &["email"]).await,
        "EXCEEDS_OWN_PERMISSIONS"
    );
    update(&acme.admin.client, &co_admin.user_id, &taken, &["email"])
        .await
        .expect("an admin decides over a co-admin");
    suite.stop().await;
}

#[tokio::test]
async fn u_15_b_42_verified_is_who_completed_a_login() {
    let suite = Suite::start().await;
    let acme = suite
        .company_with("acme", RoleSet::Standard, MfaPolicy::Required)
        .await;
    let admin = &acme.admin.client;
    assert!(
        get(admin, "").await.verified,
        "the admin logged in with both factors"
    );
    let invited = acme.invite("invited@acme.example").await.unwrap().user_id;
    assert!(!get(admin, &invited).await.verified);
    let secret = password();
    let created = acme.user("created@acme.example", &secret).await;
    assert!(
        !get(admin, &created).await.verified,
        "an admin chose the password"
    );
    let ask = LoginRequest {
        tenant: "acme".into(),
        username: "created@acme.example".into(),
        password: secret.clone(),
        ..Default::default()
    };
    let mut logins = LoginServiceClient::new(suite.anyone());
    logins.login(ask).await.expect("a flow that asks for more");
    assert!(!get(admin, &created).await.verified, "half a login is none");
    // Nor does another address prove anything, whoever sets it (B-42).
    let elsewhere = email("elsewhere@acme.example");
    let changed = update(admin, &created, &elsewhere, &["email"])
        .await
        .unwrap();
    assert!(!changed.verified, "an admin chose the address");

    let other = suite.company("other").await;
    let member = other.member_without_roles("member@other.example").await;
    assert!(get(&member.client, "").await.verified);
    suite.stop().await;
}

#[tokio::test]
async fn o_03_the_trail_tells_which_fields_were_changed_and_not_to_what() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let id = acme.user("ada@acme.example", &password()).await;
    update(admin, &id, &details(), &["phone", "language", "first_name"])
        .await
        .expect_err("a blank name");
    update(admin, &id, &details(), &["phone", "language"])
        .await
        .unwrap();
    let record = until("the record of the change", || async {
        let ask = ListAuditRecordsRequest {
            target_id: id.clone(),
            actions: vec!["user_updated".into()],
            ..Default::default()
        };
        let mut audit = AuditServiceClient::new(admin.clone());
        let listed = audit.list_audit_records(ask).await.ok()?.into_inner();
        assert!(listed.total_size < 2, "what was refused is no change");
        listed.records.into_iter().next()
    })
    .await;
    let event = record.event.expect("an event");
    let Some(Kind::UserUpdated(updated)) = Event::decode(event.value.as_slice()).unwrap().kind
    else {
        panic!("another event");
    };
    assert_eq!(updated.changed_fields, ["phone", "language"]);
    suite.stop().await;
}

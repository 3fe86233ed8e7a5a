//! Users and their life.

mod disabled;
mod last_login;

use contract::identity::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest, GetUserRequest,
    User, UserStatus, user_service_client::UserServiceClient,
};
use testkit::{Client, eventually};
use tonic::Status;
use usher_tests::{Suite, password, sign_in};

use crate::assert_refused;

async fn get(client: &Client, user_id: &str) -> Result<User, Status> {
    let ask = GetUserRequest {
        user_id: user_id.into(),
    };
    Ok(UserServiceClient::new(client.clone())
        .get_user(ask)
        .await?
        .into_inner()
        .user
        .expect("a user"))
}

async fn disable(client: &Client, user_id: &str) -> Result<User, Status> {
    let ask = DisableUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    Ok(UserServiceClient::new(client.clone())
        .disable_user(ask)
        .await?
        .into_inner()
        .user
        .expect("a user"))
}

async fn enable(client: &Client, user_id: &str) -> Result<User, Status> {
    let ask = EnableUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    Ok(UserServiceClient::new(client.clone())
        .enable_user(ask)
        .await?
        .into_inner()
        .user
        .expect("a user"))
}

async fn delete(client: &Client, user_id: &str) -> Result<(), Status> {
    let ask = DeleteUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    UserServiceClient::new(client.clone())
        .delete_user(ask)
        .await
        .map(|_| ())
}

#[tokio::test]
async fn u_02_enabling_returns_to_what_the_user_was() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let active = acme.user("active@acme.example", &password()).await;
    assert_eq!(
        get(admin, &active).await.unwrap().status(),
        UserStatus::Active
    );
    assert_eq!(
        disable(admin, &active).await.unwrap().status(),
        UserStatus::Inactive
    );
    assert_eq!(
        enable(admin, &active).await.unwrap().status(),
        UserStatus::Active
    );

    let invited = acme.invite("invited@acme.example").await.unwrap().user_id;
    assert_eq!(
        get(admin, &invited).await.unwrap().status(),
        UserStatus::Invited
    );
    assert_eq!(
        disable(admin, &invited).await.unwrap().status(),
        UserStatus::Inactive
    );
    assert_eq!(
        enable(admin, &invited).await.unwrap().status(),
        UserStatus::Invited
    );
    suite.stop().await;
}

#[tokio::test]
async fn u_11_a_disabled_user_is_refused_everywhere() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let secret = password();
    let user_id = acme.user("eve@acme.example", &secret).await;
    let eve = sign_in(&suite.anyone(), "acme", "eve@acme.example", &secret)
        .await
        .unwrap();
    get(&eve.client, "").await.expect("her own account");
    disable(&acme.admin.client, &user_id).await.unwrap();
    eventually("the session's end at the gateway", || async {
        get(&eve.client, "").await.is_err()
    })
    .await;
    let refused = sign_in(&suite.anyone(), "acme", "eve@acme.example", &secret)
        .await
        .unwrap_err();
    let refused = refused.downcast::<Status>().unwrap();
    assert_eq!(testkit::refusal(&refused).reason, "CREDENTIALS_WRONG");
    enable(&acme.admin.client, &user_id).await.unwrap();
    sign_in(&suite.anyone(), "acme", "eve@acme.example", &secret)
        .await
        .expect("a login after enabling");
    suite.stop().await;
}

#[tokio::test]
async fn u_12_b_27_a_deleted_user_leaves_nothing_to_inherit() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    acme.license(5, &["analyst"]).await;
    let first = acme.member("phoenix@acme.example", "analyst").await;
    assert_refused!(delete(admin, &acme.admin.user_id).await, "OWN_ACCOUNT");
    delete(admin, &first.user_id).await.unwrap();
    assert_refused!(get(admin, &first.user_id).await, "USER_NOT_FOUND");
    assert_refused!(delete(admin, &first.user_id).await, "USER_NOT_FOUND");
    eventually("the seat to be free", || async {
        let ask = contract::licensing::GetLicenseRequest {};
        let mut licenses =
            contract::licensing::license_service_client::LicenseServiceClient::new(admin.clone());
        licenses
            .get_license(ask)
            .await
            .unwrap()
            .into_inner()
            .license
            .unwrap()
            .used_seats
            == 0
    })
    .await;
    let second = acme.member_without_roles("phoenix@acme.example").await;
    assert_ne!(second.user_id, first.user_id, "an id is never used again");
    let ask = contract::authorization::CheckRequest {
        permission: "projects.view".into(),
        ..Default::default()
    };
    let mut access = contract::authorization::access_service_client::AccessServiceClient::new(
        second.client.clone(),
    );
    assert!(
        !access.check(ask).await.unwrap().into_inner().allowed,
        "a role was inherited"
    );
    suite.stop().await;
}

#[tokio::test]
async fn nobody_deletes_or_disables_their_own_account() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let own = &acme.admin;
    assert_refused!(delete(&own.client, &own.user_id).await, "OWN_ACCOUNT");
    assert_refused!(disable(&own.client, &own.user_id).await, "OWN_ACCOUNT");
    let still = get(&own.client, "").await.expect("their account");
    assert_eq!(still.status(), UserStatus::Active);
    suite.stop().await;
}

#[tokio::test]
async fn every_mutation_can_be_repeated() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let ask = CreateUserRequest {
        first_name: "Once".into(),
        last_name: "Only".into(),
        email: "once@acme.example".into(),
        password: password(),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    let first = users.create_user(ask.clone()).await.unwrap().into_inner();
    let again = users.create_user(ask.clone()).await.unwrap().into_inner();
    assert_eq!(first, again, "a repeated call answers the first reply");
    let other = CreateUserRequest {
        first_name: "Other".into(),
        ..ask.clone()
    };
    assert_refused!(users.create_user(other).await, "REQUEST_ID_REUSED");
    let taken = CreateUserRequest {
        email: "ONCE@acme.example".into(),
        request_id: String::new(),
        ..ask
    };
    assert_refused!(users.create_user(taken).await, "EMAIL_TAKEN");
    suite.stop().await;
}

#[tokio::test]
async fn bad_fields_are_named() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let ask = CreateUserRequest {
        email: "not an address".into(),
        request_id: "7".into(),
        ..Default::default()
    };
    let refused = UserServiceClient::new(acme.admin.client.clone())
        .create_user(ask)
        .await;
    let refusal = assert_refused!(refused, "FIELD_INVALID");
    assert_eq!(
        refusal.fields,
        ["first_name", "last_name", "email", "request_id"]
    );
    suite.stop().await;
}

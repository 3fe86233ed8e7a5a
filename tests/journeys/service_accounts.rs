//! Machines and their keys (requirement O-02).

use contract::authorization::{
    CheckRequest, CreateRoleBindingRequest, access_service_client::AccessServiceClient,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::{
    ApiKey, CreateApiKeyRequest, CreateServiceAccountRequest, CreateTokensRequest,
    DeleteServiceAccountRequest, DisableServiceAccountRequest, DisableUserRequest,
    EnableServiceAccountRequest, GetServiceAccountRequest, ListApiKeysRequest,
    ListAuditRecordsRequest, ListServiceAccountsRequest, ListUsersRequest, RevokeApiKeyRequest,
    RotateApiKeyRequest, ServiceAccount, UpdateServiceAccountRequest,
    audit_service_client::AuditServiceClient,
    service_account_service_client::ServiceAccountServiceClient,
    token_service_client::TokenServiceClient, user_service_client::UserServiceClient,
};
use prost_types::Duration;
use std::time::Duration as Span;
use testkit::{Client, eventually, until};
use tokio::{task::JoinSet, time::Instant};
use tonic::Status;
use usher_tests::{Company, Suite};

use crate::assert_refused;

type Accounts = ServiceAccountServiceClient<Client>;

fn accounts(client: &Client) -> Accounts {
    ServiceAccountServiceClient::new(client.clone())
}

async fn create(client: &Client, name: &str) -> Result<ServiceAccount, Status> {
    let ask = CreateServiceAccountRequest {
        name: name.into(),
        description: "a machine in a test".into(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let reply = accounts(client).create_service_account(ask).await?;
    Ok(reply.into_inner().service_account.expect("an account"))
}

async fn key(
    client: &Client,
    account: &str,
    lifetime: Option<Duration>,
) -> Result<(String, ApiKey), Status> {
    let ask = CreateApiKeyRequest {
        service_account_id: account.into(),
        display_name: "a script".into(),
        lifetime,
        ..Default::default()
    };
    let reply = accounts(client).create_api_key(ask).await?.into_inner();
    Ok((reply.key, reply.api_key.expect("what is kept")))
}

/// A call that the role `admin` may make.
async fn call(client: &Client) -> Result<(), Status> {
    let mut users = UserServiceClient::new(client.clone());
    users
        .list_users(ListUsersRequest::default())
        .await
        .map(|_| ())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a field of a message is an option"
)]
fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

/// A call that begins a second from now is not let in.
async fn is_shut_out(client: &Client) {
    let ended = Instant::now();
    let answer = until("a second to pass", || async {
        let late = Instant::now() >= ended + Span::from_secs(1);
        let answer = call(client).await;
        late.then_some(answer)
    })
    .await;
    assert_refused!(answer, "CREDENTIAL_INVALID");
}

/// A call is let in: where the time was moved, once the gateway has noticed.
async fn works(client: &Client) {
    eventually("a key that works", || async { call(client).await.is_ok() }).await;
}

#[tokio::test]
async fn o_02_a_machine_calls_with_a_key_and_may_what_its_roles_permit() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let robot = create(admin, "Nightly Export").await.expect("an account");
    assert_refused!(
        create(admin, "nightly export").await,
        "SERVICE_ACCOUNT_NAME_TAKEN"
    );
    let (secret, kept) = key(admin, &robot.id, None).await.expect("a key");
    assert!(
        secret.starts_with(&format!("{}_", kept.prefix)),
        "{}",
        kept.prefix
    );
    assert_eq!(secret.len(), "usk_12345678_".len() + 43);

    // Without roles it may nothing, and it is no user.
    let machine = acme.anyone.signed_in(&secret);
    assert_refused!(call(&machine).await, "PERMISSION_DENIED");
    acme.grant(&robot.id, "admin", "")
        .await
        .expect("a role, at once");
    eventually("the role to count", || async {
        call(&machine).await.is_ok()
    })
    .await;
    // A machine has no session, and so no tokens of one.
    assert_refused!(
        TokenServiceClient::new(machine.clone())
            .create_tokens(CreateTokensRequest::default())
            .await,
        "SESSION_ENDED"
    );

    // What it does stands in the trail under its id.
    let made = create(&machine, "made by a machine")
        .await
        .expect("an account");
    until("the record", || async {
        let ask = ListAuditRecordsRequest {
            actor_user_id: robot.id.clone(),
            target_id: made.id.clone(),
            ..Default::default()
        };
        let mut audit = AuditServiceClient::new(admin.clone());
        audit
            .list_audit_records(ask)
            .await
            .ok()?
            .into_inner()
            .records
            .pop()
    })
    .await;

    // The last use is seen, and the key itself nowhere.
    let listed = until("the last use", || async {
        let ask = ListApiKeysRequest {
            service_account_id: robot.id.clone(),
            ..Default::default()
        };
        let keys = accounts(admin).list_api_keys(ask).await.ok()?.into_inner();
        keys.api_keys[0].last_use_time.is_some().then_some(keys)
    })
    .await;
    assert_eq!((listed.total_size, &listed.api_keys[0].id), (1, &kept.id));
    let ask = GetServiceAccountRequest {
        service_account_id: robot.id.clone(),
    };
    let seen = accounts(admin).get_service_account(ask).await;
    let seen = seen.expect("an account").into_inner().service_account;
    assert!(seen.expect("an account").last_use_time.is_some());
    suite.stop().await;
}

#[tokio::test]
async fn o_02_a_key_ends_by_revocation_expiry_disabling_and_deletion() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let robot = create(admin, "robot").await.expect("an account").id;
    acme.grant(&robot, "admin", "").await.expect("a role");
    let client = |secret: &str| acme.anyone.signed_in(secret);
    let (revoked, kept) = key(admin, &robot, None).await.expect("a key");
    let (short, _) = key(admin, &robot, seconds(3600)).await.expect("a key");
    let (long, _) = key(admin, &robot, None).await.expect("a key");
    for secret in [&revoked, &short, &long] {
        eventually("a key that works", || async {
            call(&client(secret)).await.is_ok()
        })
        .await;
    }

    let ask = RevokeApiKeyRequest {
        api_key_id: kept.id,
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    for _ in ["once", "again"] {
        let done = accounts(admin).revoke_api_key(ask.clone()).await;
        done.expect("the same reply to the same request");
    }
    is_shut_out(&client(&revoked)).await;
    suite.time().advance(Span::from_mins(61));
    is_shut_out(&client(&short)).await;
    works(&client(&long)).await;

    let ask = DisableServiceAccountRequest {
        service_account_id: robot.clone(),
        ..Default::default()
    };
    let done = accounts(admin).disable_service_account(ask).await;
    assert!(
        done.expect("disabled")
            .into_inner()
            .service_account
            .expect("it")
            .disabled
    );
    is_shut_out(&client(&long)).await;
    let ask = EnableServiceAccountRequest {
        service_account_id: robot.clone(),
        ..Default::default()
    };
    accounts(admin)
        .enable_service_account(ask)
        .await
        .expect("enabled");
    eventually("the key works again", || async {
        call(&client(&long)).await.is_ok()
    })
    .await;

    let ask = DeleteServiceAccountRequest {
        service_account_id: robot.clone(),
        ..Default::default()
    };
    accounts(admin)
        .delete_service_account(ask)
        .await
        .expect("deleted");
    is_shut_out(&client(&long)).await;
    assert_refused!(key(admin, &robot, None).await, "SERVICE_ACCOUNT_NOT_FOUND");
    eventually("its roles to go", || async {
        let ask = CheckRequest {
            user_id: robot.clone(),
            permission: "users.view".into(),
            ..Default::default()
        };
        let mut access = AccessServiceClient::new(admin.clone());
        let reply = access.check(ask).await.expect("a decision");
        !reply.into_inner().allowed
    })
    .await;
    suite.stop().await;
}

#[tokio::test]
async fn o_02_a_key_is_rotated_while_both_work() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let robot = create(admin, "robot").await.expect("an account").id;
    acme.grant(&robot, "admin", "").await.expect("a role");
    let (old, kept) = key(admin, &robot, seconds(30 * 24 * 3600))
        .await
        .expect("a key");
    let client = |secret: &str| acme.anyone.signed_in(secret);
    eventually("a key that works", || async {
        call(&client(&old)).await.is_ok()
    })
    .await;
    let ask = RotateApiKeyRequest {
        api_key_id: kept.id.clone(),
        overlap: seconds(3600),
        ..Default::default()
    };
    let rotated = accounts(admin)
        .rotate_api_key(ask)
        .await
        .expect("a key")
        .into_inner();
    let next = rotated.api_key.expect("what is kept");
    assert_eq!(next.display_name, kept.display_name);
    let ends = |key: &ApiKey| key.expire_time.map(|time| (time.seconds, time.nanos));
    assert!(ends(&next) > ends(&kept), "the lifetime begins anew");
    for secret in [&old, &rotated.key] {
        call(&client(secret)).await.expect("both work");
    }
    suite.time().advance(Span::from_mins(61));
    is_shut_out(&client(&old)).await;
    works(&client(&rotated.key)).await;
    let ask = RotateApiKeyRequest {
        api_key_id: kept.id,
        ..Default::default()
    };
    assert_refused!(
        accounts(admin).rotate_api_key(ask).await,
        "API_KEY_NOT_FOUND"
    );
    suite.stop().await;
}

#[tokio::test]
async fn o_02_ten_keys_are_the_most_and_durations_are_bounded() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let robot = create(admin, "robot").await.expect("an account").id;
    let mut tried = JoinSet::new();
    for _ in 0..12 {
        let (admin, robot) = (admin.clone(), robot.clone());
        tried.spawn(async move { key(&admin, &robot, None).await });
    }
    let made = tried.join_all().await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (10, 2), "however many at once");
    for refused in refused {
        assert_refused!(refused, "TOO_MANY_API_KEYS");
    }
    // One in the place of another finds room.
    let ask = RotateApiKeyRequest {
        api_key_id: made[0].as_ref().expect("a key").1.id.clone(),
        ..Default::default()
    };
    accounts(admin)
        .rotate_api_key(ask)
        .await
        .expect("in its place");
    let other = create(admin, "other").await.expect("an account").id;
    for wrong in [-1, 3651 * 24 * 3600] {
        assert_refused!(key(admin, &other, seconds(wrong)).await, "FIELD_INVALID");
    }
    suite.stop().await;
}

#[tokio::test]
async fn o_02_accounts_are_listed_by_name_and_changed_by_etag() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    for name in ["delta", "Alpha", "charlie", "bravo", "echo"] {
        create(admin, name).await.expect("an account");
    }
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask = ListServiceAccountsRequest {
            page_size: 2,
            page_token,
        };
        let page = accounts(admin).list_service_accounts(ask).await;
        let page = page.expect("a page").into_inner();
        assert_eq!(page.total_size, 5);
        names.extend(
            page.service_accounts
                .into_iter()
                .map(|account| account.name),
        );
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["Alpha", "bravo", "charlie", "delta", "echo"]);

    let robot = create(admin, "robot").await.expect("an account");
    let change = |name: &str| UpdateServiceAccountRequest {
        service_account_id: robot.id.clone(),
        name: Some(name.into()),
        etag: robot.etag.clone(),
        ..Default::default()
    };
    assert_refused!(
        accounts(admin).update_service_account(change("ECHO")).await,
        "SERVICE_ACCOUNT_NAME_TAKEN"
    );
    let changed = accounts(admin)
        .update_service_account(change("android"))
        .await;
    let changed = changed.expect("changed").into_inner().service_account;
    let changed = changed.expect("an account");
    assert_eq!(
        (changed.name.as_str(), changed.description),
        ("android", robot.description.clone())
    );
    let refusal = assert_refused!(
        accounts(admin)
            .update_service_account(change("cyborg"))
            .await,
        "ETAG_MISMATCH"
    );
    assert_eq!(refusal.metadata["etag"], changed.etag);
    suite.stop().await;
}

/// Somebody who may manage machines but is no admin.
async fn keeper(acme: &Company) -> Client {
    acme.member("keeper@acme.example", "co-admin").await.client
}

#[tokio::test]
async fn o_02_b_34_nobody_makes_a_key_for_a_machine_that_may_more_than_they() {
    let suite = Suite::start().await;
    let acme = suite
        .company_with(
            "acme",
            contract::authorization::RoleSet::Project,
            contract::identity::MfaPolicy::Optional,
        )
        .await;
    let admin = &acme.admin.client;
    let mighty = create(admin, "mighty").await.expect("an account").id;
    let (_, kept) = key(admin, &mighty, None).await.expect("a key");
    let keeper = keeper(&acme).await;
    // As long as it may nothing, anybody with the permission may have a key.
    key(&keeper, &mighty, None).await.expect("a key");
    acme.grant(&mighty, "admin", "").await.expect("a role");
    assert_refused!(key(&keeper, &mighty, None).await, "EXCEEDS_OWN_PERMISSIONS");
    let id = || mighty.clone();
    let mut accounts = accounts(&keeper);
    let ask = RotateApiKeyRequest {
        api_key_id: kept.id.clone(),
        ..Default::default()
    };
    assert_refused!(
        accounts.rotate_api_key(ask).await,
        "EXCEEDS_OWN_PERMISSIONS"
    );
    let ask = RevokeApiKeyRequest {
        api_key_id: kept.id.clone(),
        ..Default::default()
    };
    assert_refused!(
        accounts.revoke_api_key(ask).await,
        "EXCEEDS_OWN_PERMISSIONS"
    );
    let ask = DisableServiceAccountRequest {
        service_account_id: id(),
        ..Default::default()
    };
    assert_refused!(
        accounts.disable_service_account(ask).await,
        "EXCEEDS_OWN_PERMISSIONS"
    );
    let ask = DeleteServiceAccountRequest {
        service_account_id: id(),
        ..Default::default()
    };
    assert_refused!(
        accounts.delete_service_account(ask).await,
        "EXCEEDS_OWN_PERMISSIONS"
    );
    // And they cannot give the role to one of their own.
    let own = create(&keeper, "own").await.expect("an account").id;
    let ask = CreateRoleBindingRequest {
        user_id: own,
        role_id: acme.roles["admin"].clone(),
        ..Default::default()
    };
    assert_refused!(
        RoleBindingServiceClient::new(keeper.clone())
            .create_role_binding(ask)
            .await,
        "EXCEEDS_OWN_PERMISSIONS"
    );
    suite.stop().await;
}

#[tokio::test]
async fn o_02_a_machine_is_not_the_admin_who_stays_and_uses_a_seat_like_anybody() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let robot = create(&acme.admin.client, "robot")
        .await
        .expect("an account")
        .id;
    acme.grant(&robot, "admin", "").await.expect("a role");
    let ask = DisableUserRequest {
        user_id: acme.admin.user_id.clone(),
        ..Default::default()
    };
    assert_refused!(
        UserServiceClient::new(acme.operator.clone())
            .disable_user(ask)
            .await,
        "LAST_ADMIN"
    );
    // A licensed role takes a seat, whoever holds it.
    acme.license(1, &["analyst"]).await;
    acme.grant(&robot, "analyst", "")
        .await
        .expect("the one seat");
    let late = acme
        .user("late@acme.example", &usher_tests::password())
        .await;
    assert_refused!(acme.grant(&late, "analyst", "").await, "SEATS_EXHAUSTED");
    suite.stop().await;
}

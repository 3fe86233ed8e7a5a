//! One thing done to many users (U-11 to U-13).

mod actions;

use contract::authorization::{CheckRequest, RoleSet, access_service_client::AccessServiceClient};
use contract::identity::{
    BulkAction, BulkOperation, BulkOperationState, BulkOutcome, BulkResult,
    CancelBulkOperationRequest, CreateBulkOperationRequest, DisableUserRequest,
    GetBulkOperationRequest, ListAuditRecordsRequest, ListBulkOperationsRequest,
    ListBulkResultsRequest, ListUsersRequest, MfaPolicy, NamedUsers, UserStatus,
    audit_service_client::AuditServiceClient, bulk_service_client::BulkServiceClient,
    create_bulk_operation_request::Users, user_service_client::UserServiceClient,
};
use sqlx::{Connection as _, PgConnection};
use testkit::{Client, eventually, until};
use tonic::Status;
use usher_tests::{Company, Suite, password};

use crate::assert_refused;

mod contended;
mod kept;

fn bulk(client: &Client) -> BulkServiceClient<Client> {
    BulkServiceClient::new(client.clone())
}

fn named(ids: &[&str]) -> Users {
    Users::Named(NamedUsers {
        user_ids: ids.iter().map(|&id| id.to_owned()).collect(),
    })
}

fn fitting(query: &str) -> Users {
    Users::Filter(ListUsersRequest {
        query: query.to_owned(),
        ..Default::default()
    })
}

async fn begin(client: &Client, action: BulkAction, users: Users) -> Result<BulkOperation, Status> {
    let ask = CreateBulkOperationRequest {
        action: action.into(),
        users: Some(users),
        ..Default::default()
    };
    let reply = bulk(client).create_bulk_operation(ask).await?.into_inner();
    Ok(reply.bulk_operation.expect("an operation"))
}

async fn get(client: &Client, id: &str) -> BulkOperation {
    let ask = GetBulkOperationRequest {
        bulk_operation_id: id.to_owned(),
    };
    let reply = bulk(client).get_bulk_operation(ask).await;
    let reply = reply.expect("an operation").into_inner();
    reply.bulk_operation.expect("an operation")
}

async fn ended(client: &Client, id: &str) -> BulkOperation {
    until("the end of the operation", || async {
        let seen = get(client, id).await;
        seen.end_time.is_some().then_some(seen)
    })
    .await
}

async fn results(client: &Client, id: &str, outcomes: &[BulkOutcome]) -> Vec<BulkResult> {
    let ask = ListBulkResultsRequest {
        bulk_operation_id: id.to_owned(),
        page_size: 100,
        outcomes: outcomes.iter().map(|&outcome| outcome.into()).collect(),
        ..Default::default()
    };
    let page = bulk(client).list_bulk_results(ask).await;
    let page = page.expect("results").into_inner();
    assert_eq!(page.total_size, page.results.len() as u64);
    page.results
}

/// What became of each user, with the reason.
async fn told(client: &Client, id: &str) -> Vec<(BulkOutcome, String)> {
    let told = results(client, id, &[]).await.into_iter();
    told.map(|one| (one.outcome(), one.reason)).collect()
}

fn progress(operation: &BulkOperation) -> (u32, u32, u32, u32) {
    let progress = operation.progress.unwrap_or_default();
    let (done, skipped) = (progress.done, progress.skipped);
    (progress.total, done, skipped, progress.refused)
}

async fn with_status(client: &Client, query: &str, status: UserStatus) -> u64 {
    let ask = ListUsersRequest {
        query: query.to_owned(),
        statuses: vec![status.into()],
        ..Default::default()
    };
    let reply = UserServiceClient::new(client.clone()).list_users(ask).await;
    reply.expect("users").into_inner().total_size
}

async fn disable(client: &Client, user_id: &str) {
    let ask = DisableUserRequest {
        user_id: user_id.to_owned(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.disable_user(ask).await.expect("disabled");
}

/// Users of whom nobody knows a password; answers their ids in order.
async fn people(company: &Company, domain: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let email = format!("p{number}@{domain}");
        ids.push(company.user(&email, &password()).await);
    }
    ids
}

/// Keeps everybody from changing a user until the connection is closed.
async fn hold(suite: &Suite, user_id: &str) -> PgConnection {
    let mut db = suite.database().connect().await;
    let sql = "SELECT FROM identity.users WHERE id = $1 FOR UPDATE";
    sqlx::query("BEGIN").execute(&mut db).await.expect("a lock");
    let id = uuid::Uuid::parse_str(user_id).expect("an id");
    let locked = sqlx::query(sql).bind(id).execute(&mut db).await;
    assert_eq!(locked.expect("a lock").rows_affected(), 1);
    db
}

#[tokio::test]
async fn u_13_many_are_disabled_enabled_and_deleted_each_with_a_result() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let member = acme.member_without_roles("p0@many.example").await;
    let mut ids = vec![member.user_id.clone()];
    ids.push(acme.user("p1@many.example", &password()).await);
    ids.push(acme.user("p2@many.example", &password()).await);

    let begun = begin(admin, BulkAction::Disable, fitting("many.example")).await;
    let operation = ended(admin, &begun.expect("begun").id).await;
    assert_eq!(operation.state(), BulkOperationState::Done);
    assert_eq!(progress(&operation), (3, 3, 0, 0));
    assert_eq!(operation.creator_user_id, acme.admin.user_id);
    // As the single call: the session is over at once (U-11).
    let mut users = UserServiceClient::new(member.client.clone());
    let refused = users.list_users(ListUsersRequest::default()).await;
    assert_refused!(refused, "CREDENTIAL_INVALID");

    // Who is enabled already, and who is nobody, are told apart.
    let nobody = uuid::Uuid::new_v4().to_string();
    let all: Vec<&str> = [&acme.admin.user_id, &nobody]
        .into_iter()
        .chain(&ids)
        .map(String::as_str)
        .collect();
    let begun = begin(admin, BulkAction::Enable, named(&all)).await;
    let operation = ended(admin, &begun.expect("begun").id).await;
    assert_eq!(progress(&operation), (5, 3, 1, 1));
    let done = || (BulkOutcome::Done, String::new());
    let told_of = told(admin, &operation.id).await;
    let expected = [
        (BulkOutcome::Skipped, String::new()),
        (BulkOutcome::Refused, "USER_NOT_FOUND".into()),
        done(),
        done(),
        done(),
    ];
    assert_eq!(told_of, expected, "in the order in which they were named");
    let refused = results(admin, &operation.id, &[BulkOutcome::Refused]).await;
    assert_eq!(refused[0].user_id, nobody);
    assert_eq!(refused[0].reason_domain, "usher.identity.v1");

    let begun = begin(admin, BulkAction::Delete, fitting("many.example")).await;
    let operation = ended(admin, &begun.expect("begun").id).await;
    assert_eq!(progress(&operation), (3, 3, 0, 0));
    for status in [UserStatus::Active, UserStatus::Inactive] {
        assert_eq!(with_status(admin, "many.example", status).await, 0);
    }
    let listed = bulk(admin)
        .list_bulk_operations(ListBulkOperationsRequest::default())
        .await;
    let listed = listed.expect("operations").into_inner();
    assert_eq!((listed.total_size, listed.bulk_operations.len()), (3, 3));
    assert_eq!(listed.bulk_operations[0], operation, "newest first");
    suite.stop().await;
}

#[tokio::test]
async fn u_13_what_is_seen_when_it_begins_is_what_is_acted_on() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let ids = people(&acme, "seen.example", 2).await;
    let held = hold(&suite, &ids[0]).await;
    let begun = begin(admin, BulkAction::Disable, fitting("seen.example")).await;
    let begun = begun.expect("begun");
    acme.user("later@seen.example", &password()).await;
    held.close().await.expect("the lock is gone");
    let operation = ended(admin, &begun.id).await;
    assert_eq!(progress(&operation), (2, 2, 0, 0));
    assert_eq!(
        with_status(admin, "seen.example", UserStatus::Active).await,
        1
    );
    suite.stop().await;
}

#[tokio::test]
async fn u_13_the_own_account_and_the_last_admin_are_passed_over() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (admin, own) = (&acme.admin.client, acme.admin.user_id.as_str());
    let other = acme.user("other@acme.example", &password()).await;
    for action in [BulkAction::Disable, BulkAction::Delete] {
        let begun = begin(admin, action, named(&[own])).await.expect("begun");
        let operation = ended(admin, &begun.id).await;
        assert_eq!(progress(&operation), (1, 0, 1, 0));
        let expected = [(BulkOutcome::Skipped, "OWN_ACCOUNT".to_owned())];
        assert_eq!(told(admin, &operation.id).await, expected);
    }
    let begun = begin(&acme.operator, BulkAction::Delete, named(&[own, &other])).await;
    let operation = ended(admin, &begun.expect("begun").id).await;
    assert_eq!(progress(&operation), (2, 1, 1, 0));
    let skipped = results(admin, &operation.id, &[BulkOutcome::Skipped]).await;
    assert_eq!(skipped[0].reason, "LAST_ADMIN");
    assert_eq!(skipped[0].reason_domain, "usher.authorization.v1");
    suite.stop().await;
}

#[tokio::test]
async fn u_13_nobody_does_to_many_what_they_may_not_do_to_one() {
    let suite = Suite::start().await;
    let acme = suite
        .company_with("acme", RoleSet::Project, MfaPolicy::Optional)
        .await;
    let co_admin = acme.member("co@acme.example", "co-admin").await;
    let admin = acme.admin.user_id.as_str();
    for action in [BulkAction::Disable, BulkAction::Enable, BulkAction::Delete] {
        let begun = begin(&co_admin.client, action, named(&[admin])).await;
        let operation = ended(&co_admin.client, &begun.expect("begun").id).await;
        let expected = [(BulkOutcome::Refused, "EXCEEDS_OWN_PERMISSIONS".to_owned())];
        assert_eq!(told(&co_admin.client, &operation.id).await, expected);
    }

    // Who sees users may not shut them out, nor stop who does.
    let org = suite
        .company_with("org", RoleSet::Organization, MfaPolicy::Optional)
        .await;
    let viewer = org
        .member("viewer@org.example", "organization view only admin")
        .await;
    let refused = begin(&viewer.client, BulkAction::Delete, fitting("")).await;
    let refusal = assert_refused!(refused, "PERMISSION_DENIED");
    assert_eq!(refusal.metadata["permission"], "users.delete");
    let begun = begin(
        &org.admin.client,
        BulkAction::Enable,
        named(&[&viewer.user_id]),
    )
    .await;
    let ask = CancelBulkOperationRequest {
        bulk_operation_id: begun.expect("begun").id,
        ..Default::default()
    };
    let refused = bulk(&viewer.client).cancel_bulk_operation(ask).await;
    assert_refused!(refused, "PERMISSION_DENIED");
    suite.stop().await;
}

#[tokio::test]
async fn u_13_who_loses_the_permission_stops() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let bad = acme.member("bad@acme.example", "admin").await;
    let ids = people(&acme, "victims.example", 4).await;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let held = hold(&suite, ids[1]).await;
    let begun = begin(&bad.client, BulkAction::Delete, named(&ids)).await;
    let begun = begun.expect("begun");
    let admin = &acme.admin.client;
    eventually("the first of them", || async {
        progress(&get(admin, &begun.id).await).1 == 1
    })
    .await;
    disable(admin, &bad.user_id).await;
    eventually("that they may do nothing", || async {
        let ask = CheckRequest {
            user_id: bad.user_id.clone(),
            permission: "users.delete".into(),
            ..Default::default()
        };
        let reply = AccessServiceClient::new(admin.clone()).check(ask).await;
        !reply.expect("checked").into_inner().allowed
    })
    .await;
    held.close().await.expect("the lock is gone");
    let operation = ended(admin, &begun.id).await;
    assert_eq!(operation.state(), BulkOperationState::Denied);
    let (total, done, skipped, refused) = progress(&operation);
    // The one that was under way was decided over before.
    assert!(done <= 2, "{done} were deleted");
    assert_eq!((total, skipped, refused), (4, 0, 0));
    let left = with_status(admin, "victims.example", UserStatus::Active).await;
    assert_eq!(left, u64::from(total - done));
    suite.stop().await;
}

#[tokio::test]
async fn u_13_a_cancelled_operation_begins_nobody_any_more() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let ids = people(&acme, "stop.example", 4).await;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let held = hold(&suite, ids[2]).await;
    let begun = begin(admin, BulkAction::Disable, named(&ids)).await;
    let begun = begun.expect("begun");
    eventually("the first two of them", || async {
        progress(&get(admin, &begun.id).await).1 == 2
    })
    .await;
    let ask = CancelBulkOperationRequest {
        bulk_operation_id: begun.id.clone(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let cancelled = bulk(admin).cancel_bulk_operation(ask.clone()).await;
    let cancelled = cancelled.expect("cancelled").into_inner().bulk_operation;
    let cancelled = cancelled.expect("the operation");
    assert_eq!(cancelled.state(), BulkOperationState::Cancelled);
    held.close().await.expect("the lock is gone");
    // A worker is through with it when it takes up the next.
    let next = begin(admin, BulkAction::Enable, named(&ids[..1])).await;
    ended(admin, &next.expect("begun").id).await;
    let again = bulk(admin).cancel_bulk_operation(ask).await;
    let again = again.expect("repeated").into_inner().bulk_operation;
    assert_eq!(again.as_ref(), Some(&cancelled));
    assert_eq!(get(admin, &begun.id).await, cancelled);
    let left = with_status(admin, "stop.example", UserStatus::Inactive).await;
    assert_eq!(left, 1, "one was enabled again, two were never disabled");
    let told_of = told(admin, &begun.id).await;
    assert_eq!(told_of[2], (BulkOutcome::Unspecified, String::new()));
    suite.stop().await;
}

#[tokio::test]
async fn u_13_an_operation_is_bounded_and_repeatable() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let one = acme.user("one@acme.example", &password()).await;
    let ask = CreateBulkOperationRequest {
        action: BulkAction::Enable.into(),
        users: Some(named(&[&one])),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let first = bulk(admin).create_bulk_operation(ask.clone()).await;
    let again = bulk(admin).create_bulk_operation(ask).await;
    let (first, again) = (first.expect("begun"), again.expect("repeated"));
    assert_eq!(first.into_inner(), again.into_inner());

    let held = hold(&suite, &one).await;
    for _ in 0..10 {
        let begun = begin(admin, BulkAction::Disable, named(&[&one])).await;
        begun.expect("begun");
    }
    let refused = begin(admin, BulkAction::Disable, named(&[&one])).await;
    assert_refused!(refused, "TOO_MANY_BULK_OPERATIONS");
    held.close().await.expect("the lock is gone");

    let many: Vec<String> = (0..10_001)
        .map(|_| uuid::Uuid::new_v4().to_string())
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = begin(admin, BulkAction::Enable, named(&many)).await;
    assert_refused!(refused, "FIELD_INVALID");
    let sql = "INSERT INTO identity.users (tenant_id, id, first_name, last_name, username, email,
                   language, username_key, email_key, sort_key)
               SELECT $1, gen_random_uuid(), 'Many', 'More', n || '@m.example', n || '@m.example',
                   'en', n || '@m.example', n || '@m.example', n FROM generate_series(1, 10001) AS n";
    let tenant = uuid::Uuid::parse_str(&acme.id).expect("an id");
    let mut db = suite.database().connect().await;
    let path = sqlx::query("SET search_path = identity").execute(&mut db);
    path.await.expect("the functions of the triggers");
    let made = sqlx::query(sql).bind(tenant).execute(&mut db).await;
    made.expect("users");
    let refused = begin(admin, BulkAction::Enable, fitting("")).await;
    assert_refused!(refused, "TOO_MANY_USERS");
    suite.stop().await;
}

#[tokio::test]
async fn u_13_the_trail_tells_who_did_what_to_whom() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let ids = people(&acme, "told.example", 2).await;
    let begun = begin(admin, BulkAction::Disable, fitting("told.example")).await;
    let operation = ended(admin, &begun.expect("begun").id).await;
    let actions = |actions: &[&str]| ListAuditRecordsRequest {
        actor_user_id: acme.admin.user_id.clone(),
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
        ..Default::default()
    };
    let trail = async |ask: ListAuditRecordsRequest| {
        let mut audit = AuditServiceClient::new(admin.clone());
        let reply = audit.list_audit_records(ask).await;
        reply.expect("the trail").into_inner().records
    };
    let of_operation = until("the beginning and the end in the trail", || async {
        let records = trail(actions(&["bulk_operation_created", "bulk_operation_ended"])).await;
        (records.len() == 2).then_some(records)
    })
    .await;
    for record in of_operation {
        assert_eq!(record.target_id, operation.id);
    }
    let disabled = trail(actions(&["user_disabled"])).await;
    let targets: Vec<&str> = disabled.iter().map(|one| one.target_id.as_str()).collect();
    assert_eq!(targets, ids, "each once");
    for record in disabled {
        assert_eq!(record.request_id, operation.id);
        let actor = record.actor.expect("an actor");
        assert!(!actor.address.is_empty(), "from nowhere");
    }
    suite.stop().await;
}

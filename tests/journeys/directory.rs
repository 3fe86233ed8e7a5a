//! Finding people: filters, searches, orders, pages, and how fresh they are.

use std::time::Duration;

use contract::authorization::{
    AddGroupMemberRequest, DeleteRoleBindingRequest, ListRoleBindingsRequest,
    RemoveGroupMemberRequest, group_service_client::GroupServiceClient,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::{
    DeleteUserRequest, DisableUserRequest, ListUsersRequest, ListUsersResponse, UpdateUserRequest,
    User, UserFields, UserOrder, UserStatus, user_service_client::UserServiceClient,
};
use prost_types::{FieldMask, Timestamp};
use testkit::{Client, eventually};
use tonic::Status;
use usher_tests::{Company, Suite, password, sign_in, suite::MANY_ATTEMPTS};

use crate::{assert_refused, logins::login};

mod apart;
mod at_random;
mod crowd;
mod many;
mod short;

async fn page(client: &Client, ask: &ListUsersRequest) -> Result<ListUsersResponse, Status> {
    let mut users = UserServiceClient::new(client.clone());
    Ok(users.list_users(ask.clone()).await?.into_inner())
}

/// The first page; the total is that of the page, as all fit on it.
async fn found(company: &Company, ask: ListUsersRequest) -> Vec<User> {
    let ask = ListUsersRequest {
        page_size: 100,
        ..ask
    };
    let page = page(&company.admin.client, &ask).await.expect("a page");
    assert_eq!(page.total_size, page.users.len() as u64, "{ask:?}");
    page.users
}

/// The names before the @ of those found.
async fn who(company: &Company, ask: ListUsersRequest) -> Vec<String> {
    let name = |user: User| user.email.split('@').next().unwrap_or_default().to_owned();
    found(company, ask).await.into_iter().map(name).collect()
}

fn after(revision: String) -> ListUsersRequest {
    ListUsersRequest {
        at_least_revision: revision,
        ..Default::default()
    }
}

async fn join(company: &Company, group_id: &str, user_id: &str) -> String {
    let ask = AddGroupMemberRequest {
        group_id: group_id.into(),
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut groups = GroupServiceClient::new(company.admin.client.clone());
    let joined = groups.add_group_member(ask).await.expect("a member");
    joined.into_inner().revision
}

#[tokio::test]
async fn u_09_every_filter_finds_exactly_those() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    acme.license(9, &["analyst"]).await;
    let secret = password();
    let mut ids = Vec::new();
    for name in ["ann", "bob", "cleo"] {
        ids.push(acme.user(&format!("{name}@acme.example"), &secret).await);
    }
    let [ann, bob, cleo] = ids.try_into().expect("three");
    let (project_id, _) = acme.project("Apollo").await;
    let group_id = acme.default_group().await;
    acme.grant(&ann, "analyst", "").await.expect("a role");
    acme.grant(&bob, "standard user", &project_id)
        .await
        .expect("a role");
    let revision = join(&acme, &group_id, &cleo).await;
    acme.invite("dora@acme.example").await.expect("an invitee");
    let mut users = UserServiceClient::new(admin.clone());
    let disable = DisableUserRequest {
        user_id: cleo.clone(),
        ..Default::default()
    };
    users.disable_user(disable).await.expect("disabled");
    sign_in(&suite.anyone(), "acme", "ann@acme.example", &secret)
        .await
        .expect("a login");
    for _ in 0..12 {
        let guess = login(&suite.anyone(), "acme", "bob@acme.example", "wrong").await;
        assert_refused!(guess, "CREDENTIALS_WRONG");
    }
    suite.time().advance(Duration::from_mins(1));
    let login = found(&acme, after(revision)).await;
    let last = login.iter().find(|user| user.id == ann).expect("ann");
    let last = last.last_login_time.expect("a login");

    let none = ListUsersRequest::default;
    let status = |status: UserStatus| ListUsersRequest {
        statuses: vec![status.into()],
        ..none()
    };
    let role = |name: &str| ListUsersRequest {
        role_id: acme.roles[name].clone(),
        ..none()
    };
    let cases: [(ListUsersRequest, &[&str]); 15] = [
        (none(), &["dora", "ann", "bob", "cleo", "admin"]),
        (status(UserStatus::Invited), &["dora"]),
        (status(UserStatus::Inactive), &["cleo"]),
        (
            ListUsersRequest {
                statuses: vec![UserStatus::Active.into(), UserStatus::Inactive.into()],
                query: "acme.exam pers".into(),
                ..none()
            },
            &["ann", "bob", "cleo"],
        ),
        (
            ListUsersRequest {
                licensed: Some(true),
                ..none()
            },
            &["ann", "dora"],
        ),
        (
            ListUsersRequest {
                licensed: Some(false),
                ..status(UserStatus::Active)
            },
            &["bob", "admin"],
        ),
        (
            ListUsersRequest {
                locked: Some(true),
                ..none()
            },
            &["bob"],
        ),
        (
            ListUsersRequest {
                locked: Some(false),
                ..status(UserStatus::Active)
            },
            &["ann", "admin"],
        ),
        (
            ListUsersRequest {
                mfa_enabled: Some(true),
                ..none()
            },
            &[],
        ),
        (role("analyst"), &["ann", "dora"]),
        (role("standard user"), &["bob"]),
        (
            ListUsersRequest {
                project_id: project_id.clone(),
                ..none()
            },
            &["bob"],
        ),
        (
            ListUsersRequest {
                group_id: group_id.clone(),
                ..none()
            },
            &["cleo"],
        ),
        (
            ListUsersRequest {
                never_logged_in: Some(true),
                ..none()
            },
            &["dora", "bob", "cleo"],
        ),
        (
            ListUsersRequest {
                last_login_before: Some(Timestamp {
                    seconds: last.seconds + 1,
                    nanos: 0,
                }),
                role_id: acme.roles["analyst"].clone(),
                ..none()
            },
            &["ann"],
        ),
    ];
    eventually("the role that waits for an invitee", || async {
        who(&acme, role("analyst")).await.len() == 2
    })
    .await;
    for (ask, expected) in cases {
        let mut seen = who(&acme, ask.clone()).await;
        let mut expected = expected.to_vec();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected, "{ask:?}");
    }
    let before = ListUsersRequest {
        last_login_before: Some(last),
        role_id: acme.roles["analyst"].clone(),
        ..none()
    };
    assert!(who(&acme, before).await.is_empty(), "before, not at");
    suite.stop().await;
}

#[tokio::test]
async fn u_09_a_page_is_at_least_as_new_as_a_revision() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let user_id = acme.user("ann@acme.example", &password()).await;
    let group_id = acme.default_group().await;
    acme.license(9, &["analyst"]).await;
    for _ in 0..5 {
        // Each change is in the page that asks for it, at once.
        let revision = acme.grant(&user_id, "analyst", "").await.expect("a role");
        let ask = ListUsersRequest {
            role_id: acme.roles["analyst"].clone(),
            ..after(revision)
        };
        let users = found(&acme, ask.clone()).await;
        assert_eq!(users[0].role_ids, [acme.roles["analyst"].clone()]);
        assert!(users[0].licensed);
        let mut bindings = RoleBindingServiceClient::new(acme.admin.client.clone());
        let list = ListRoleBindingsRequest {
            user_id: user_id.clone(),
            ..Default::default()
        };
        let listed = bindings.list_role_bindings(list).await.expect("bindings");
        let delete = DeleteRoleBindingRequest {
            binding_id: listed.into_inner().bindings[0].id.clone(),
            ..Default::default()
        };
        let deleted = bindings.delete_role_binding(delete).await.expect("deleted");
        let ask = ListUsersRequest {
            at_least_revision: deleted.into_inner().revision,
            ..ask
        };
        assert!(found(&acme, ask).await.is_empty());
        let revision = join(&acme, &group_id, &user_id).await;
        let users = found(&acme, after(revision)).await;
        let ann = users.iter().find(|user| user.id == user_id).expect("ann");
        assert_eq!(ann.group_ids, [group_id.as_str()]);
        let leave = RemoveGroupMemberRequest {
            group_id: group_id.clone(),
            user_id: user_id.clone(),
            ..Default::default()
        };
        let mut groups = GroupServiceClient::new(acme.admin.client.clone());
        groups.remove_group_member(leave).await.expect("left");
    }
    let never = after("999999999999999999".into());
    let refused = page(&acme.admin.client, &never).await;
    let refusal = assert_refused!(refused, "DIRECTORY_BEHIND");
    assert!(refusal.retry, "says when to try again");
    assert_refused!(
        page(&acme.admin.client, &after("-1".into())).await,
        "FIELD_INVALID"
    );
    suite.stop().await;
}

#[tokio::test]
async fn u_09_seats_follow_the_roles_that_use_them() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.member("ann@acme.example", "analyst").await;
    acme.member("bob@acme.example", "standard user").await;
    let seated = ListUsersRequest {
        licensed: Some(true),
        ..Default::default()
    };
    for (roles, expected) in [
        (vec!["analyst"], vec!["ann"]),
        (vec!["analyst", "standard user"], vec!["ann", "bob"]),
        (vec!["standard user"], vec!["bob"]),
        (vec![], vec![]),
    ] {
        acme.license(9, &roles).await;
        eventually("the seats", || async {
            let mut seen = who(&acme, seated.clone()).await;
            seen.sort_unstable();
            seen == expected
        })
        .await;
    }
    suite.stop().await;
}

#[tokio::test]
async fn u_12_nothing_is_known_of_a_deleted_user() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(9, &["analyst"]).await;
    let member = acme.member("ann@acme.example", "analyst").await;
    let group_id = acme.default_group().await;
    let revision = join(&acme, &group_id, &member.user_id).await;
    found(&acme, after(revision)).await;
    let invited = acme.invite("eve@acme.example").await.expect("an invitee");
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    for user_id in [&member.user_id, &invited.user_id] {
        let ask = DeleteUserRequest {
            user_id: user_id.clone(),
            ..Default::default()
        };
        users.delete_user(ask).await.expect("deleted");
    }
    assert_eq!(who(&acme, ListUsersRequest::default()).await, ["admin"]);
    for user_id in [member.user_id, invited.user_id] {
        let id: uuid::Uuid = user_id.parse().expect("an id");
        eventually("no row of the user", || async {
            let sql = "SELECT (SELECT count(*) FROM identity.held_roles WHERE user_id = $1)
                 + (SELECT count(*) FROM identity.memberships WHERE user_id = $1)
                 + (SELECT count(*) FROM identity.user_texts WHERE user_id = $1)";
            let mut db = suite.database().connect().await;
            let rows = sqlx::query_scalar(sql).bind(id).fetch_one(&mut db);
            rows.await.is_ok_and(|rows: i64| rows == 0)
        })
        .await;
    }
    suite.stop().await;
}

#[tokio::test]
async fn u_07_lists_have_three_orders_both_ways() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let secret = password();
    for name in ["cleo", "ann", "bob"] {
        acme.user(&format!("{name}@acme.example"), &secret).await;
    }
    for name in ["bob", "ann"] {
        suite.time().advance(Duration::from_secs(1));
        sign_in(
            &suite.anyone(),
            "acme",
            &format!("{name}@acme.example"),
            &secret,
        )
        .await
        .expect("a login");
    }
    for (order, expected) in [
        (UserOrder::Name, ["admin", "ann", "bob", "cleo"]),
        (UserOrder::CreateTime, ["admin", "cleo", "ann", "bob"]),
        (UserOrder::LastLoginTime, ["cleo", "admin", "bob", "ann"]),
    ] {
        let ask = ListUsersRequest {
            order_by: order.into(),
            ..Default::default()
        };
        assert_eq!(who(&acme, ask.clone()).await, expected, "{order:?}");
        let reversed = ListUsersRequest {
            descending: true,
            ..ask
        };
        let mut expected = expected;
        expected.reverse();
        assert_eq!(who(&acme, reversed).await, expected, "{order:?}, reversed");
    }
    suite.stop().await;
}

#[tokio::test]
async fn b_28_a_page_token_is_good_for_its_own_list_alone() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let other = suite.company("other").await;
    for name in ["ann", "bob"] {
        acme.user(&format!("{name}@acme.example"), &password())
            .await;
    }
    let first_page = ListUsersRequest {
        page_size: 1,
        ..Default::default()
    };
    let first = page(&acme.admin.client, &first_page).await.expect("a page");
    let next = ListUsersRequest {
        page_token: first.next_page_token,
        ..first_page.clone()
    };
    page(&acme.admin.client, &next).await.expect("a page");
    let lists = [
        ListUsersRequest {
            query: "ann".into(),
            ..next.clone()
        },
        ListUsersRequest {
            order_by: UserOrder::CreateTime.into(),
            ..next.clone()
        },
        ListUsersRequest {
            descending: true,
            ..next.clone()
        },
        ListUsersRequest {
            licensed: Some(false),
            ..next.clone()
        },
        ListUsersRequest {
            role_id: acme.roles["analyst"].clone(),
            ..next.clone()
        },
    ];
    for list in lists {
        assert_refused!(page(&acme.admin.client, &list).await, "PAGE_TOKEN_INVALID");
    }
    // The same list of another tenant, and of another caller.
    for client in [&other.admin.client, &acme.operator] {
        assert_refused!(page(client, &next).await, "PAGE_TOKEN_INVALID");
    }
    // Also where it is the same caller who lists another tenant.
    let first = page(&acme.operator, &first_page).await.expect("a page");
    let next = ListUsersRequest {
        page_token: first.next_page_token,
        ..first_page
    };
    page(&acme.operator, &next).await.expect("a page");
    assert_refused!(page(&other.operator, &next).await, "PAGE_TOKEN_INVALID");
    suite.stop().await;
}

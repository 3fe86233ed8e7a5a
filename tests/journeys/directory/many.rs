//! U-07 to U-09: lists of more users than are looked up one by one, which are
//! walked, and whose totals are counts that follow every change.

use super::{at_random::check, *};

/// More than identity takes for few.
const MANY: i32 = 1200;

/// Adds users, a tenth of them invited, as a file of many would.
async fn fill(suite: &Suite, acme: &Company) {
    let sql = "INSERT INTO users (tenant_id, id, first_name, last_name, username, email, language,
             username_key, email_key, sort_key, setup_time)
         SELECT $1, gen_random_uuid(), 'Many', 'P' || n, e, e, 'en', e, e,
             concat_ws(E'\\x01', 'p' || n, 'many', e), CASE WHEN n % 10 > 0 THEN now() END
         FROM generate_series(1, $2) n, concat('p', n, '@many.example') e";
    let mut database = suite.database().connect().await;
    sqlx::query("SET search_path = identity")
        .execute(&mut database)
        .await
        .expect("identity's tables");
    sqlx::query(sql)
        .bind(acme.id.parse::<uuid::Uuid>().expect("an id"))
        .bind(MANY)
        .execute(&mut database)
        .await
        .expect("users");
}

/// Everybody, a page after the other.
async fn everybody(client: &Client) -> Vec<User> {
    let (mut users, mut ask) = (Vec::new(), ListUsersRequest::default());
    ask.page_size = 100;
    loop {
        let page = page(client, &ask).await.expect("a page");
        users.extend(page.users);
        if page.next_page_token.is_empty() {
            return users;
        }
        ask.page_token = page.next_page_token;
    }
}

fn questions() -> Vec<ListUsersRequest> {
    let all = ListUsersRequest {
        page_size: 100,
        ..Default::default()
    };
    vec![
        all.clone(),
        ListUsersRequest {
            query: "many.EXAMPLE p".into(),
            descending: true,
            ..all.clone()
        },
        ListUsersRequest {
            statuses: vec![UserStatus::Active.into()],
            order_by: UserOrder::CreateTime.into(),
            ..all.clone()
        },
        ListUsersRequest {
            statuses: vec![UserStatus::Active.into(), UserStatus::Invited.into()],
            never_logged_in: Some(true),
            licensed: Some(false),
            order_by: UserOrder::LastLoginTime.into(),
            ..all
        },
    ]
}

#[tokio::test]
async fn u_07_u_08_u_09_a_long_list_is_whole_and_its_total_follows_every_change() {
    let suite = Suite::start_with(&usher_tests::suite::MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    fill(&suite, &acme).await;
    let before = everybody(admin).await;
    let ids: std::collections::BTreeSet<&str> =
        before.iter().map(|user| user.id.as_str()).collect();
    // And the admin.
    assert_eq!((before.len(), ids.len()), (1201, 1201));
    for ask in questions() {
        check(admin, &ask, &before).await;
    }

    let mut active = before
        .iter()
        .filter(|user| user.status() == UserStatus::Active && user.id != acme.admin.user_id);
    let mut next = || active.next().expect("a user").id.clone();
    let mut users = UserServiceClient::new(admin.clone());
    let gone = DeleteUserRequest {
        user_id: next(),
        ..Default::default()
    };
    users.delete_user(gone).await.expect("deleted");
    let disabled = DisableUserRequest {
        user_id: next(),
        ..Default::default()
    };
    users.disable_user(disabled).await.expect("disabled");
    let renamed = UpdateUserRequest {
        user_id: next(),
        user: Some(UserFields {
            last_name: "Zzz".into(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["last_name".into()],
        }),
        ..Default::default()
    };
    users.update_user(renamed).await.expect("renamed");
    let after = everybody(admin).await;
    assert_eq!(after.len(), 1200);
    assert_eq!(after.last().expect("users").last_name, "Zzz");
    let by_name = ListUsersRequest {
        query: "zzz".into(),
        page_size: 100,
        ..Default::default()
    };
    for ask in questions().into_iter().chain([by_name]) {
        check(admin, &ask, &after).await;
    }
    suite.stop().await;
}

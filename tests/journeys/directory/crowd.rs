//! U-07 to U-09 in a crowd: where too many fit to be sorted at once, the list is
//! walked along its order.

use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::{
    at_random::{Places, draw, naive, question},
    *,
};

/// More than fit into memory while a list is walked; see `db/users/list.rs`.
const PEOPLE: i32 = 21_000;
const QUESTIONS: usize = 60;

#[tokio::test]
async fn u_07_u_09_b_28_lists_of_a_crowd_are_what_a_naive_reader_finds() {
    let suite = Suite::start_with(&usher_tests::suite::MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let role = acme.roles["analyst"].clone();
    fill(&suite, &acme, &role).await;
    let client = &acme.admin.client;
    let mut everybody = Vec::new();
    let mut ask = ListUsersRequest {
        page_size: 100,
        ..Default::default()
    };
    loop {
        let read = page(client, &ask).await.expect("a page");
        everybody.extend(read.users);
        ask.page_token = read.next_page_token;
        if ask.page_token.is_empty() {
            break;
        }
    }
    let count = usize::try_from(PEOPLE).expect("a count");
    assert_eq!(everybody.len(), count + 1, "with the admin");
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(707),
        ..Config::default()
    });
    let places = Places {
        role,
        group: uuid::Uuid::new_v4().to_string(),
        project: uuid::Uuid::new_v4().to_string(),
        logins: everybody
            .iter()
            .filter_map(|user| user.last_login_time)
            .take(50)
            .collect(),
    };
    for _ in 0..QUESTIONS {
        let mut ask = draw(&mut runner, &question(&places));
        let expected = naive(&ask, &everybody);
        let mut seen = Vec::new();
        for _ in 0..3 {
            let read = page(client, &ask).await.expect("a page");
            assert_eq!(read.total_size, expected.len() as u64, "{ask:?}");
            seen.extend(read.users);
            ask.page_token = read.next_page_token;
            if ask.page_token.is_empty() {
                break;
            }
        }
        let wanted = &expected[..seen.len()];
        assert_eq!(seen, wanted, "{ask:?}");
        let over = ask.page_token.is_empty();
        assert!(!over || seen.len() == expected.len(), "cut off: {ask:?}");
    }
    suite.stop().await;
}

/// Users of every kind, and one in three holds the role.
async fn fill(suite: &Suite, acme: &Company, role: &str) {
    let tenant: uuid::Uuid = acme.id.parse().expect("an id");
    let mut db = suite.database().connect().await;
    let path = sqlx::query("SET search_path = identity").execute(&mut db);
    path.await.expect("the functions of the triggers");
    let people = "INSERT INTO users (tenant_id, id, first_name, last_name, username, email,
             language, username_key, email_key, sort_key, setup_time, disable_time,
             last_login_time, create_time)
         SELECT $1, gen_random_uuid(), f, l, m, m, 'en', m, m, l || E'\\x01' || f || E'\\x01' || m,
             CASE WHEN n % 10 > 0 THEN now() END, CASE WHEN n % 7 = 0 THEN now() END,
             CASE WHEN n % 3 = 0 THEN timestamptz '2026-01-01' + n % 1000 * interval '1 hour' END,
             timestamptz '2026-01-01' + n * interval '1 minute'
         FROM (SELECT n, chr(97 + n % 4) || chr(97 + n % 3) AS f, chr(97 + n % 5) || 'x' AS l,
                   'user' || n || '@' || chr(97 + n % 4) || '.example' AS m
               FROM generate_series(1, $2) n) people";
    let made = sqlx::query(people)
        .bind(tenant)
        .bind(PEOPLE)
        .execute(&mut db);
    made.await.expect("users");
    let roles = "INSERT INTO held_roles (tenant_id, role_id, user_id)
         SELECT tenant_id, $2::uuid, id FROM users
         WHERE tenant_id = $1 AND email LIKE '%1@%.example'";
    let held = sqlx::query(roles).bind(tenant).bind(role).execute(&mut db);
    held.await.expect("roles");
    // Counts follow within a second.
    eventually("the count of them all", || async {
        let page = page(&acme.admin.client, &ListUsersRequest::default()).await;
        page.expect("a page").total_size > PEOPLE.unsigned_abs().into()
    })
    .await;
}

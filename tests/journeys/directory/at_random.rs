//! U-07 to U-09: whatever is asked, the list is what one would write down who
//! looks at each user.

use contract::authorization::RoleSet;
use contract::identity::MfaPolicy;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngSeed, TestRunner},
};
use uuid::Uuid;

use super::*;

/// How many questions are asked.
const QUESTIONS: usize = 150;

/// A user to be made: name, status, role, project, group, login.
type Person = (String, String, u8, u8, bool, bool, bool);

#[tokio::test]
async fn u_07_u_08_u_09_b_28_lists_are_what_a_naive_reader_finds() {
    let suite = Suite::start_with(&usher_tests::suite::MANY_CALLS).await;
    let acme = suite
        .company_with("acme", RoleSet::Standard, MfaPolicy::Optional)
        .await;
    acme.license(99, &["analyst"]).await;
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(909),
        ..Config::default()
    });
    let mut revision = String::new();
    for number in 0..24 {
        let person = draw(&mut runner, &person());
        revision = settle(&suite, &acme, number, person)
            .await
            .unwrap_or(revision);
    }
    let everybody = found(&acme, after(revision)).await;
    let places = Places {
        role: acme.roles["analyst"].clone(),
        group: acme.default_group().await,
        project: acme.project("Zeus").await.0,
        logins: everybody
            .iter()
            .filter_map(|user| user.last_login_time)
            .collect(),
    };
    for _ in 0..QUESTIONS {
        let ask = draw(&mut runner, &question(&places));
        check(&acme.admin.client, &ask, &everybody).await;
    }
    suite.stop().await;
}

pub fn draw<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).expect("a value").current()
}

fn person() -> impl Strategy<Value = Person> {
    (
        "[A-D][a-c]{1,3}",
        "[A-D][a-c]{1,3}",
        0..4_u8,
        0..4_u8,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
}

/// Makes a person; the revision of the last change of what they hold.
async fn settle(suite: &Suite, acme: &Company, number: u32, person: Person) -> Option<String> {
    let (first_name, last_name, role, project, group, login, disabled) = person;
    let (secret, email) = (password(), format!("p{number}@{last_name}.example"));
    let ask = contract::identity::CreateUserRequest {
        first_name,
        last_name,
        email: email.clone(),
        password: secret.clone(),
        username: if group {
            format!("user{number}")
        } else {
            String::new()
        },
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    let user = users.create_user(ask).await.expect("a user").into_inner();
    let user = user.user.expect("a user");
    let project_id = match project {
        0 => acme.project(&format!("Project {number}")).await.0,
        _ => String::new(),
    };
    let mut revision = None;
    if let Some(role) = ["analyst", "standard user"].get(usize::from(role)) {
        revision = acme.grant(&user.id, role, &project_id).await.ok();
    }
    if group {
        revision = Some(join(acme, &acme.default_group().await, &user.id).await);
    }
    if login {
        suite.time().advance(Duration::from_secs(1));
        sign_in(&suite.anyone(), "acme", &user.username, &secret)
            .await
            .expect("a login");
    }
    if disabled {
        let ask = DisableUserRequest {
            user_id: user.id,
            ..Default::default()
        };
        users.disable_user(ask).await.expect("disabled");
    }
    revision
}

/// What filters can name.
pub struct Places {
    pub role: String,
    pub group: String,
    pub project: String,
    pub logins: Vec<Timestamp>,
}

pub fn question(places: &Places) -> impl Strategy<Value = ListUsersRequest> + use<> {
    let id = |id: &str| prop_oneof![4 => Just(String::new()), 1 => Just(id.to_owned())];
    let rarely = || prop_oneof![4 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let query = prop_oneof![
        3 => Just(String::new()),
        1 => "[a-d]{1,3}",
        1 => "[a-d]{1,2} [a-d]{1,2}",
        1 => "\\.example [A-D]",
        1 => "user1?",
    ];
    let statuses = prop::sample::subsequence(vec![1, 2, 3], 0..=3);
    let before = prop_oneof![
        4 => Just(None),
        1 => prop::sample::select(places.logins.clone()).prop_map(Some)
    ];
    let filters = (rarely(), rarely(), rarely(), before);
    let ids = (id(&places.role), id(&places.group), id(&places.project));
    let order = (0..4_i32, any::<bool>(), 1..9_u32);
    (query, statuses, filters, ids, order).prop_map(|(query, statuses, filters, ids, order)| {
        let (licensed, locked, never_logged_in, last_login_before) = filters;
        let (role_id, group_id, project_id) = ids;
        let (order_by, descending, page_size) = order;
        ListUsersRequest {
            query,
            statuses,
            licensed,
            locked,
            never_logged_in,
            last_login_before,
            role_id,
            group_id,
            project_id,
            order_by,
            descending,
            page_size,
            ..Default::default()
        }
    })
}

/// Reads the list to its end and back, and compares.
pub async fn check(client: &Client, ask: &ListUsersRequest, everybody: &[User]) {
    let expected = naive(ask, everybody);
    let (mut seen, mut pages, mut ask) = (Vec::new(), Vec::new(), ask.clone());
    loop {
        let page = page(client, &ask).await.expect("a page");
        assert_eq!(page.total_size, expected.len() as u64, "{ask:?}");
        seen.extend(page.users.clone());
        ask.page_token.clone_from(&page.next_page_token);
        pages.push(page);
        if ask.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, expected, "{ask:?}");
    let mut last = pages.pop().expect("a page");
    while let Some(before) = pages.pop() {
        ask.page_token = last.previous_page_token;
        last = page(client, &ask).await.expect("a page");
        assert_eq!(last.users, before.users, "backward: {ask:?}");
    }
    assert!(last.previous_page_token.is_empty());
}

pub fn naive(ask: &ListUsersRequest, everybody: &[User]) -> Vec<User> {
    let mut users: Vec<User> = everybody
        .iter()
        .filter(|user| fits(ask, user))
        .cloned()
        .collect();
    let time = |time: Option<Timestamp>| time.map(|time| (time.seconds, time.nanos));
    let id = |user: &User| user.id.parse::<Uuid>().expect("an id");
    match ask.order_by() {
        UserOrder::Unspecified | UserOrder::Name => users.sort_by_key(|user| (key(user), id(user))),
        UserOrder::LastLoginTime => {
            users.sort_by_key(|user| (time(user.last_login_time), id(user)));
        }
        UserOrder::CreateTime => users.sort_by_key(|user| (time(user.create_time), id(user))),
    }
    if ask.descending {
        users.reverse();
    }
    users
}

fn key(user: &User) -> [String; 3] {
    [&user.last_name, &user.first_name, &user.email].map(|text| text.to_lowercase())
}

fn fits(ask: &ListUsersRequest, user: &User) -> bool {
    let is = |wanted: Option<bool>, so: bool| wanted.is_none_or(|wanted| wanted == so);
    let among = |id: &String, ids: &[String]| id.is_empty() || ids.contains(id);
    let text = [key(user).join("\n"), user.username.to_lowercase()].join("\n");
    let mut words = ask.query.split_whitespace();
    let before = ask.last_login_before.is_none_or(|before| {
        user.last_login_time
            .is_some_and(|last| (last.seconds, last.nanos) < (before.seconds, before.nanos))
    });
    (ask.statuses.is_empty() || ask.statuses.contains(&user.status))
        && is(ask.licensed, user.licensed)
        && is(ask.locked, !user.alerts.is_empty())
        && is(ask.never_logged_in, user.last_login_time.is_none())
        && before
        && among(&ask.role_id, &user.role_ids)
        && among(&ask.group_id, &user.group_ids)
        && among(&ask.project_id, &user.project_ids)
        && words.all(|word| finds(&word.to_lowercase(), &text))
}

/// A short word is found where a name begins, a longer one anywhere.
fn finds(word: &str, text: &str) -> bool {
    if word.chars().count() > 2 {
        return text.contains(word);
    }
    text.lines().any(|name| name.starts_with(word))
}

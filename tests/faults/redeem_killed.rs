//! B-15: what can be redeemed once, redeemed by two hundred at once while
//! identity is killed.

mod resets;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use contract::identity::{
    ConfirmTotpRequest, EnrolTotpRequest, Event, LoginFlow, LoginRequest, VerifyTotpRequest,
    event::Kind, login_response::Outcome, login_service_client::LoginServiceClient,
};
use contract::invitation::AcceptInvitationRequest;
use prost::Message as _;
use sqlx::Connection as _;
use testkit::{Authenticator, Client, eventually, until_within};
use tokio::time::Instant;
use usher_tests::{
    Company, Member, World, invitations, password, roles, sign_in,
    suite::{MANY_ATTEMPTS, MANY_CALLS},
    token_mailed_to,
};

/// How many try at once.
const TRIES: usize = 200;
/// How long the first of them may take: passwords are hashed before.
const PATIENCE: Duration = Duration::from_mins(1);

type Attempt = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

fn attempt<F, A>(attempt: A) -> Attempt
where
    F: Future<Output = bool> + Send + 'static,
    A: Fn() -> F + Send + Sync + 'static,
{
    Arc::new(move || Box::pin(attempt()))
}

/// How often it succeeds, of so many at once.
async fn volley(attempt: &Attempt) -> usize {
    let all: Vec<_> = (0..TRIES).map(|_| tokio::spawn(attempt())).collect();
    let mut won = 0;
    for one in all {
        won += usize::from(one.await.expect("an answer"));
    }
    won
}

/// A volley in the middle of which identity is killed: when the transaction that
/// redeems waits to write to a table. Answers as [`volley`].
async fn cut_volley(world: &mut World, attempt: &Attempt, table: &str) -> usize {
    let mut db = world.database.connect().await;
    let mut hold = db.begin().await.expect("a transaction");
    let sql = format!("LOCK TABLE identity.{table} IN SHARE MODE");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(&mut *hold)
        .await
        .expect("a lock");
    let firing = tokio::spawn({
        let attempt = attempt.clone();
        async move { volley(&attempt).await }
    });
    until_within(PATIENCE, "somebody half way", || async {
        is_half_way(world, table).await.then_some(())
    })
    .await;
    let identity = world.server("identity");
    identity.kill().expect("a kill");
    hold.rollback().await.expect("no lock");
    let won = firing.await.expect("answers");
    identity.restart().expect("a restart");
    identity.ready().await;
    won
}

/// Whether a transaction about a user waits to write to a table.
async fn is_half_way(world: &World, table: &str) -> bool {
    let sql = "SELECT EXISTS (
            SELECT FROM pg_locks w JOIN pg_locks h USING (pid, database)
            WHERE NOT w.granted AND w.relation = ('identity.' || $1)::regclass
              AND h.granted AND h.relation = 'identity.users'::regclass
              AND h.mode IN ('RowShareLock', 'RowExclusiveLock'))";
    sqlx::query_scalar(sql)
        .bind(table)
        .fetch_one(&mut world.database.connect().await)
        .await
        .expect("an answer")
}

/// Facts that must change together: none of them, or each of them once.
async fn redeemed(world: &World, facts: &str, user: &str) -> bool {
    let sql = format!("SELECT ARRAY[{facts}]");
    let counts: Vec<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(user.parse::<uuid::Uuid>().expect("an id"))
        .fetch_one(&mut world.database.connect().await)
        .await
        .expect("counts");
    assert!(
        counts.iter().all(|&count| count == counts[0] && count <= 1),
        "half done, or twice: {counts:?} of {facts}"
    );
    counts[0] == 1
}

/// Kills identity in a volley, then lets everybody try again. Answers how many
/// were told that they succeeded.
async fn raced(
    world: &mut World,
    attempt: &Attempt,
    table: &str,
    (facts, user): (&str, &str),
) -> usize {
    let mut won = cut_volley(world, attempt, table).await;
    // Nothing is half done, before anybody could have mended it.
    let mut over = redeemed(world, facts, user).await;
    // What the killed one had begun to check stays charged for a while.
    let end = Instant::now() + PATIENCE;
    while !over && Instant::now() < end {
        won += volley(attempt).await;
        over = redeemed(world, facts, user).await;
    }
    assert!(over, "nobody could redeem it any more");
    assert_eq!(volley(attempt).await, 0, "it is good for no more");
    redeemed(world, facts, user).await;
    assert!(won <= 1, "{won} were told that they succeeded");
    won
}

/// How often a user was told of, in a way.
async fn told(world: &World, user: &str, of: fn(Kind) -> Option<String>) -> usize {
    let sql = "SELECT payload FROM identity.outbox WHERE payload_type = 'usher.identity.v1.Event'";
    let events: Vec<Vec<u8>> = sqlx::query_scalar(sql)
        .fetch_all(&mut world.database.connect().await)
        .await
        .expect("events");
    let kinds = events
        .iter()
        .filter_map(|event| Event::decode(event.as_slice()).ok()?.kind);
    kinds.filter_map(of).filter(|id| id == user).count()
}

async fn world() -> (World, Company) {
    let redis = testkit::environment("USHER_TEST_REDIS");
    let bounds = [MANY_ATTEMPTS, MANY_CALLS].concat();
    // However busy the machine is, somebody is not refused.
    let patient = ["--login-wait-ms", "60000"];
    let own = [("gateway", &bounds[..]), ("identity", &patient)];
    let world = World::separate(&redis, &[], &own).await;
    let operator = world.tenant("once").await;
    let company = Company {
        id: String::new(),
        name: "once".into(),
        roles: roles(&operator).await,
        admin: Member {
            client: operator.clone(),
            ..world.operator.clone()
        },
        anyone: world.anyone(),
        operator,
    };
    (world, company)
}

#[tokio::test]
async fn b_15_an_invitation_is_good_once_whenever_identity_is_killed() {
    let (mut world, once) = world().await;
    let mut won = 0;
    for table in ["passwords", "outbox"] {
        let email = format!("ivy.{table}@once.example");
        let user = once.invite(&email).await.expect("an invitation").user_id;
        let token = token_mailed_to(&world.mails(), &email).await;
        let new = password();
        let ask = AcceptInvitationRequest {
            token,
            password: new.clone(),
            ..Default::default()
        };
        let anyone = world.anyone();
        let attempt = attempt(move || {
            let (mut client, ask) = (invitations(&anyone), ask.clone());
            async move { client.accept_invitation(ask).await.is_ok() }
        });
        let facts = "
            (SELECT count(*) FROM identity.users WHERE id = $1 AND status = 'ACTIVE'),
            (SELECT count(*) FROM identity.passwords WHERE user_id = $1)";
        won += raced(&mut world, &attempt, table, (facts, &user)).await;
        let activated = |kind| match kind {
            Kind::UserActivated(activated) => Some(activated.user_id),
            _ => None,
        };
        assert_eq!(told(&world, &user, activated).await, 1);
        sign_in(&world.anyone(), "once", &email, &new)
            .await
            .expect("the password that was set");
        // What is left of the saga is finished, by those who came or by the worker.
        let sql = "SELECT state = 'accepted' FROM invitation.invitations WHERE user_id = $1";
        eventually("the end of the invitation", || async {
            let accepted: bool = sqlx::query_scalar(sql)
                .bind(user.parse::<uuid::Uuid>().expect("an id"))
                .fetch_one(&mut world.database.connect().await)
                .await
                .expect("a state");
            accepted
        })
        .await;
    }
    assert!(won > 0, "nobody ever heard of a success");
    world.end().await;
}

/// Somebody who is asked for a code, and the phone that shows it.
async fn enrolled(anyone: &Client, email: &str, password: &str) -> (Authenticator, String) {
    let flow_token = flow(anyone, email, password).await.flow_token;
    let mut logins = LoginServiceClient::new(anyone.clone());
    let ask = EnrolTotpRequest {
        flow_token: flow_token.clone(),
    };
    let secret = logins.enrol_totp(ask).await.expect("a secret").into_inner();
    let phone = Authenticator::scan(&secret.otpauth_uri);
    let code = phone.code(0);
    let ask = ConfirmTotpRequest { flow_token, code };
    logins.confirm_totp(ask).await.expect("enrolled");
    (phone, flow(anyone, email, password).await.flow_token)
}

async fn flow(anyone: &Client, email: &str, password: &str) -> LoginFlow {
    let ask = LoginRequest {
        tenant: "once".into(),
        username: email.into(),
        password: password.into(),
        enrol_totp: true,
        ..Default::default()
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    match logins
        .login(ask)
        .await
        .expect("a flow")
        .into_inner()
        .outcome
    {
        Some(Outcome::Flow(flow)) => flow,
        other => panic!("a password should not be enough: {other:?}"),
    }
}

#[tokio::test]
async fn b_15_a_step_of_a_login_is_taken_once_whenever_identity_is_killed() {
    let (mut world, once) = world().await;
    let mut won = 0;
    for table in ["totp_factors", "sessions", "login_flows", "outbox"] {
        let (email, secret) = (format!("mia.{table}@once.example"), password());
        let user = once.user(&email, &secret).await;
        let (phone, flow_token) = enrolled(&once.anyone, &email, &secret).await;
        // The session of the enrolment is none of those that are counted.
        let sql = "DELETE FROM identity.sessions WHERE user_id = $1";
        sqlx::query(sql)
            .bind(user.parse::<uuid::Uuid>().expect("an id"))
            .execute(&mut world.database.connect().await)
            .await
            .expect("no session");
        let logins = LoginServiceClient::new(once.anyone.clone());
        let phone = Arc::new(phone);
        let attempt = attempt(move || {
            let (mut logins, phone) = (logins.clone(), phone.clone());
            let flow_token = flow_token.clone();
            async move {
                // Made anew: a code does not live as long as this may take.
                let code = phone.code(1);
                let ask = VerifyTotpRequest { flow_token, code };
                logins.verify_totp(ask).await.is_ok()
            }
        });
        let facts = "
            (SELECT count(*) FROM identity.sessions WHERE user_id = $1),
            (SELECT 1 - count(*) FROM identity.login_flows WHERE user_id = $1)";
        won += raced(&mut world, &attempt, table, (facts, &user)).await;
    }
    assert!(won > 0, "nobody ever heard of a success");
    world.end().await;
}

//! B-82, B-18, B-40: canaries through the whole main job, then a look
//! everywhere.

mod people;

use std::{
    collections::BTreeSet,
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

use contract::identity::{
    CreateApiKeyRequest, CreateServiceAccountRequest, CreateTokensRequest, CreateUserRequest,
    EnrolTotpRequest, GetUserRequest, LoginRequest, RefreshTokensRequest,
    RequestPasswordResetRequest, login_response, login_service_client::LoginServiceClient,
    service_account_service_client::ServiceAccountServiceClient,
    token_service_client::TokenServiceClient, user_service_client::UserServiceClient,
};
use testkit::{Client, environment};
use usher_tests::{
    SmsProvider, World,
    demo::{self, Steps},
    fleet, password, sign_in, suite, token_mailed_to,
};

use crate::redis::Redis;

/// A text that may be seen, and must be: it shows that the look sees.
const MARKER: &str = "Canary Islands";

/// What the SMS provider is told.
const SMS_KEY: &str = "Bearer a key of the provider of canaries";

/// Everything that the servers printed at TRACE, and everything in Postgres
/// and Redis, as files: first the database.
async fn everything(world: &World, redis: &Redis) -> Vec<PathBuf> {
    let dump = Command::new(format!("{}/pg_dump", environment("USHER_DEV_BIN_DIR")))
        .args(["--data-only", "--inserts", &world.database.admin_url()])
        .output()
        .expect("pg_dump");
    assert!(
        dump.status.success(),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );
    let saved = redis.save().await;
    let database = saved.with_file_name("database.sql");
    std::fs::write(&database, dump.stdout).expect("the dump");
    [vec![database, saved], world.logs.clone()].concat()
}

/// What Postgres logged of every change, as its replicas and archives have it.
async fn wal(world: &World) -> Vec<PathBuf> {
    let mut db = world.database.connect().await;
    let data: String = sqlx::query_scalar("SHOW data_directory")
        .fetch_one(&mut db)
        .await
        .expect("the place of the data");
    let files = std::fs::read_dir(Path::new(&data).join("pg_wal")).expect("the log");
    let files = files.map(|file| file.expect("a file").path());
    files.filter(|path| path.is_file()).collect()
}

/// The texts that are in a file: plain, or in hexadecimal as a dump writes
/// bytes. By grep, because the logs are large and tests are slow.
fn found(place: &Path, texts: &[String]) -> BTreeSet<String> {
    let patterns = std::env::temp_dir().join(format!("usher-{}", uuid::Uuid::new_v4().simple()));
    let spellings = texts.iter().flat_map(|text| [text.clone(), hex(text)]);
    std::fs::write(&patterns, spellings.collect::<Vec<_>>().join("\n")).expect("patterns");
    let output = Command::new("grep")
        .env("LC_ALL", "C")
        .args(["-a", "-o", "-F", "-f"])
        .args([&patterns, place])
        .output()
        .expect("grep");
    std::fs::remove_file(patterns).expect("the patterns");
    assert!(output.status.code() < Some(2), "grep fails: {output:?}");
    let lines = String::from_utf8_lossy(&output.stdout);
    let seen: BTreeSet<&str> = lines.lines().collect();
    let there = |text: &&String| seen.contains(text.as_str()) || seen.contains(hex(text).as_str());
    texts.iter().filter(there).cloned().collect()
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Where people can be reached is in the tables that say so, and nowhere else:
/// in no event, reply or log, and not in Redis. Nor is what was kept for a while.
fn personal(places: &[PathBuf]) {
    let of = [
        people::NUMBER,
        people::PHONE,
        people::FORMER,
        people::COPY,
        people::DIGEST,
    ];
    let of = of.map(str::to_owned);
    for place in &places[1..] {
        let there = found(place, &of);
        assert!(there.is_empty(), "in {}: {there:?}", place.display());
    }
    let dump = std::fs::read_to_string(&places[0]).expect("the dump");
    let tables = |text: &str| -> BTreeSet<&str> {
        let told = |line: &&str| line.contains(text) || line.contains(&hex(text));
        let lines = dump.lines().filter(told);
        let words = lines.filter_map(|line| line.strip_prefix("INSERT INTO ")?.split(' ').next());
        words.collect()
    };
    assert_eq!(tables(people::NUMBER), ["identity.sms_factors"].into());
    assert_eq!(tables(people::PHONE), ["identity.users"].into());
    // Whom a mail went to, what was changed, and under which address somebody acted.
    let told = [
        "identity.audit_changes",
        "identity.audit_records",
        "invitation.mails",
    ];
    assert_eq!(tables(people::FORMER), told.into());
    // Who got a password, too, is told as long as its user is there.
    assert_eq!(tables(people::COPY), ["identity.audit_changes"].into());
    assert_eq!(tables(people::DIGEST), [].into());
}

/// Secrets of all kinds, used once each.
async fn canaries(world: &World, operator: &Client) -> Vec<(&'static str, String)> {
    let anyone = world.anyone();
    let session = sign_in(
        &anyone,
        "platform",
        suite::OPERATOR,
        &world.operator_password,
    )
    .await
    .expect("a login");
    let secret = password();
    let email = "canary@canaries.example";
    let ask = CreateUserRequest {
        first_name: MARKER.into(),
        last_name: "Person".into(),
        email: email.into(),
        password: secret.clone(),
        ..Default::default()
    };
    UserServiceClient::new(operator.clone())
        .create_user(ask)
        .await
        .expect("a user");
    let mut logins = LoginServiceClient::new(anyone);
    let ask = LoginRequest {
        tenant: people::TENANT.into(),
        username: email.into(),
        password: secret.clone(),
        enrol_totp: true,
        ..Default::default()
    };
    let reply = logins.login(ask).await.expect("a flow").into_inner();
    let Some(login_response::Outcome::Flow(flow)) = reply.outcome else {
        panic!("no flow to enrol in");
    };
    let ask = EnrolTotpRequest {
        flow_token: flow.flow_token.clone(),
    };
    let enrolled = logins.enrol_totp(ask).await.expect("a secret").into_inner();
    let ask = RequestPasswordResetRequest {
        tenant: people::TENANT.into(),
        username: email.into(),
    };
    logins.request_password_reset(ask).await.expect("a mail");
    let reset = token_mailed_to(&world.mails(), email).await;
    let mut tokens = TokenServiceClient::new(session.client.clone());
    let made = tokens.create_tokens(CreateTokensRequest::default()).await;
    let refresh_token = made
        .expect("tokens")
        .into_inner()
        .tokens
        .expect("tokens")
        .refresh_token;
    let ask = RefreshTokensRequest {
        refresh_token: refresh_token.clone(),
    };
    tokens.refresh_tokens(ask).await.expect("the next tokens");
    vec![
        ("a refresh token", refresh_token),
        ("an API key", api_key(operator).await),
        ("an operator's password", world.operator_password.clone()),
        ("a user's password", secret),
        ("a session token", session.session_token),
        ("a flow token", flow.flow_token),
        ("an authenticator's secret", enrolled.secret),
        ("the token of a reset", reset),
        ("the root secret", suite::SECRET.to_owned()),
        ("the bootstrap token", suite::BOOTSTRAP_TOKEN.to_owned()),
        ("a service's key", fleet::SERVICE_KEY.to_owned()),
        (
            "a role's password in Postgres",
            testkit::ROLE_PASSWORD.to_owned(),
        ),
        // The beginning of every password in these tests.
        ("the password of somebody", "correct-horse-".to_owned()),
    ]
}

/// The key of a machine, used once.
async fn api_key(operator: &Client) -> String {
    let mut accounts = ServiceAccountServiceClient::new(operator.clone());
    let ask = CreateServiceAccountRequest {
        name: "canary".into(),
        ..Default::default()
    };
    let made = accounts.create_service_account(ask).await.expect("made");
    let ask = CreateApiKeyRequest {
        service_account_id: made.into_inner().service_account.expect("it").id,
        display_name: "canary".into(),
        ..Default::default()
    };
    let made = accounts
        .create_api_key(ask)
        .await
        .expect("a key")
        .into_inner();
    let machine = operator.signed_in(&made.key);
    let refused = UserServiceClient::new(machine)
        .get_user(GetUserRequest::default())
        .await;
    refused.expect_err("a machine is no user");
    made.key
}

#[tokio::test]
async fn b_82_b_18_no_secret_is_logged_or_stored_in_the_clear() {
    let redis = Redis::start();
    let provider = SmsProvider::start().await;
    let sms = ["--sms-url", provider.url(), "--sms-authorization", SMS_KEY];
    let world = World::separate(&redis.url(), &["--log", "trace"], &[("identity", &sms)]).await;
    if let Err(error) = demo::run(&world.setting(), &mut Steps::new(true)).await {
        panic!("{error:#}");
    }
    let operator = world.tenant(people::TENANT).await;
    let mut canaries = canaries(&world, &operator).await;
    canaries.extend(people::canaries(&world, &operator, &provider).await);
    let mails = world.mails().all().await.expect("mails");
    // Notices hold no link.
    let links: Vec<_> = mails.iter().filter_map(|mail| mail.token().ok()).collect();
    assert!(links.len() >= 50, "{} mails hold a link", links.len());
    canaries.extend(links.into_iter().take(50).map(|token| ("a link", token)));

    // JWTs begin so: {"alg" or {"typ" in base64url.
    for beginning in ["eyJhbGciOi", "eyJ0eXAiOi"] {
        canaries.push(("a signed token", beginning.to_owned()));
    }
    let texts: Vec<String> = canaries.iter().map(|(_, text)| text.clone()).collect();

    let places = everything(&world, &redis).await;
    for place in places.iter().chain(&wal(&world).await) {
        let there = found(place, &texts);
        let leaked: Vec<_> = canaries
            .iter()
            .filter(|(_, text)| there.contains(text))
            .map(|(what, _)| what)
            .collect();
        assert!(leaked.is_empty(), "in {}: {leaked:?}", place.display());
    }
    personal(&places);
    // The look sees what may be seen, and the logs were at their loudest.
    let seen = [MARKER.to_owned()];
    let logged = wal(&world)
        .await
        .iter()
        .any(|file| !found(file, &seen).is_empty());
    assert!(logged, "nothing was in the log of changes");
    assert_eq!(found(&places[0], &seen).len(), 1, "nothing was dumped");
    for log in &world.logs {
        let loud = found(log, &["TRACE".to_owned()]);
        assert_eq!(loud.len(), 1, "{} was not at TRACE", log.display());
    }
    world.end().await;
}

//! B-82, B-18, B-40: canaries through the whole main job, then a look
//! everywhere.

use std::process::Command;

use testkit::environment;
use usher_tests::{
    World,
    demo::{self, Setting, Steps},
    sign_in,
    suite::OPERATOR,
};

/// Everything that the suite printed at TRACE, and everything in Postgres.
fn everything(world: &World) -> Vec<(&'static str, Vec<u8>)> {
    let dump = Command::new(format!("{}/pg_dump", environment("USHER_DEV_BIN_DIR")))
        .args(["--data-only", "--inserts", &world.database.admin_url()])
        .output()
        .expect("pg_dump");
    assert!(
        dump.status.success(),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );
    vec![
        ("the log", std::fs::read(&world.log).expect("the log")),
        ("the database", dump.stdout),
    ]
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[tokio::test]
async fn b_82_b_18_no_secret_is_logged_or_stored_in_the_clear() {
    let world = World::start(&environment("USHER_TEST_REDIS"), &["--log", "trace"]).await;
    let setting = Setting {
        gateway: world.process.channel(),
        mails: world.mails(),
        operator: OPERATOR.into(),
        password: world.operator_password.clone(),
    };
    if let Err(error) = demo::run(&setting, &mut Steps::new(true)).await {
        panic!("{error:#}");
    }
    let session = sign_in(
        &world.anyone(),
        "platform",
        OPERATOR,
        &world.operator_password,
    )
    .await
    .expect("a login");
    let mut canaries = vec![
        ("a password", world.operator_password.clone()),
        ("a session token", session.session_token),
        ("the root secret", usher_tests::suite::SECRET.to_owned()),
        (
            "the bootstrap token",
            usher_tests::suite::BOOTSTRAP_TOKEN.to_owned(),
        ),
        ("the passwords of invitees", "correct-horse-".to_owned()),
    ];
    let mails = world.mails().all().await.expect("mails");
    canaries.extend(
        mails
            .iter()
            .take(50)
            .map(|mail| ("a link", mail.token().expect("a link"))),
    );
    for (place, content) in everything(&world) {
        assert!(
            content.len() > 10_000,
            "{place} holds only {} bytes",
            content.len()
        );
        for (what, canary) in &canaries {
            assert!(!holds(&content, canary), "{what} is in {place}");
        }
        // JWTs begin so: {"alg" or {"typ" in base64url.
        for beginning in ["eyJhbGciOi", "eyJ0eXAiOi"] {
            assert!(!holds(&content, beginning), "a signed token is in {place}");
        }
    }
    world.end().await;
}

//! B-76: the root key, and the secrets that come and go.

use futures::future::join_all;
use sqlx::Executor as _;
use store::{Keys, Secret};

use crate::database::Database;

async fn ready() -> Database {
    let database = Database::new().await;
    database.service("things", "SELECT 1", 1).await;
    database
}

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32])
}

async fn open(database: &Database, secrets: &[Secret]) -> Option<Keys> {
    Keys::open_root(&database.url(), "things", secrets)
        .await
        .expect("Postgres answers")
}

#[tokio::test]
async fn b_76_a_changed_secret_opens_what_was_sealed_before() {
    let database = ready().await;
    let (former, new) = (secret(1), secret(2));
    let first = open(&database, std::slice::from_ref(&former))
        .await
        .expect("a new key");
    let sealed = first.seal("p", b"c", b"kept");
    let hash = first.keyed_hash("p", b"told");
    // Both while replicas change over, in either order, and the new one alone.
    for secrets in [
        vec![new.clone(), former.clone()],
        vec![former.clone(), new.clone()],
        vec![new.clone()],
    ] {
        let keys = open(&database, &secrets).await.expect("the same key");
        assert_eq!(**keys.open("p", b"c", &sealed).expect("opens"), *b"kept");
        assert_eq!(keys.keyed_hash("p", b"told"), hash);
    }
    // From there on the former secret is worth nothing.
    assert!(open(&database, &[former]).await.is_none());
    assert!(open(&database, &[new]).await.is_some());
}

#[tokio::test]
async fn another_secret_opens_nothing_and_makes_nothing() {
    let database = ready().await;
    let keys = open(&database, &[secret(1)]).await.expect("a new key");
    let sealed = keys.seal("p", b"c", b"kept");
    assert!(open(&database, &[secret(2), secret(3)]).await.is_none());
    let keys = open(&database, &[secret(1)]).await.expect("the same key");
    keys.open("p", b"c", &sealed).expect("nothing was lost");
}

#[tokio::test]
async fn no_other_key_takes_the_place_of_a_lost_one() {
    let database = ready().await;
    open(&database, &[secret(1)]).await.expect("a new key");
    let mut db = database.admin("things").await;
    let event = "INSERT INTO outbox (event_id, shard, tenant_id, request_id, payload_type, payload)
         VALUES (gen_random_uuid(), 0, gen_random_uuid(), '', '', '')";
    db.execute(event).await.expect("something happened");
    db.execute("DELETE FROM root_keys").await.expect("a loss");
    let refused = Keys::open_root(&database.url(), "things", &[secret(1)]).await;
    let error = refused.expect_err("what was sealed would be lost for good");
    assert!(error.message().contains("backup"), "{}", error.message());
}

#[tokio::test]
async fn replicas_that_start_at_once_have_one_key() {
    let database = ready().await;
    let starts = (0..8).map(|_| async { open(&database, &[secret(1)]).await.expect("a key") });
    let hashes = join_all(starts).await;
    let hashes = hashes.iter().map(|keys| keys.keyed_hash("p", b"told"));
    let different: std::collections::HashSet<_> = hashes.collect();
    assert_eq!(different.len(), 1);
    // A copy of the tables is worth nothing without the secret, whose bytes say nothing of the key.
    assert_ne!(
        different.into_iter().next().expect("a hash"),
        Keys::new(&secret(1)).keyed_hash("p", b"told")
    );
}

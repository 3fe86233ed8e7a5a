//! Two workers with one operation.

use super::*;

/// What a query about operations answers.
async fn asked(suite: &Suite, sql: &'static str) -> String {
    let answer = sqlx::query_scalar::<_, Option<String>>(sql);
    let mut db = suite.database().connect().await;
    let answer = answer.fetch_one(&mut db).await.expect("an answer");
    answer.unwrap_or_default()
}

/// A worker that was slow for longer than its lease leaves the user to the one
/// who took over.
#[tokio::test]
async fn u_13_who_lost_the_lease_does_nothing_any_more() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let ids = people(&acme, "slow.example", 3).await;
    let held = hold(&suite, &ids[0]).await;
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let begun = begin(admin, BulkAction::Disable, named(&all)).await;
    let id = begun.expect("begun").id;

    let lease = "SELECT lease_id::text FROM identity.bulk_operations";
    let waits = "SELECT count(*)::text FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("somebody at the first user", || async {
        asked(&suite, waits).await != "0"
    })
    .await;
    let first = asked(&suite, lease).await;
    let over = "UPDATE identity.bulk_operations SET lease_end_time = now() - interval '1 second'
         RETURNING id::text";
    asked(&suite, over).await;
    eventually("another worker", || async {
        asked(&suite, lease).await != first
    })
    .await;
    held.close().await.expect("the lock is gone");

    let operation = ended(admin, &id).await;
    assert_eq!(progress(&operation), (3, 3, 0, 0));
    let done = vec![(BulkOutcome::Done, String::new()); 3];
    assert_eq!(told(admin, &id).await, done);
    suite.stop().await;
}

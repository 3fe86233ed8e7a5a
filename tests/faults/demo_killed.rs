//! The main job while processes are killed: its end is the same.

use std::time::Duration;

use sqlx::PgConnection;
use testkit::environment;
use usher_tests::{
    World,
    demo::{self, Steps},
    fleet::SERVICES,
};

/// How many rows the commit under way has done; `None` where there is none.
async fn under_way(db: &mut PgConnection) -> Option<i64> {
    sqlx::query_scalar(
        "SELECT (rows_created + rows_skipped + rows_failed)::bigint
         FROM importer.imports WHERE state = 'COMMITTING'",
    )
    .fetch_optional(db)
    .await
    .expect("the state of the import")
}

/// Kills every process once while the commit is under way, each after some
/// more rows are done, and starts it again.
async fn kill_each(world: &mut World) -> usize {
    let mut db = world.database.connect().await;
    let mut killed = 0;
    let mut seen = 0;
    for name in SERVICES.into_iter().chain(["gateway"]) {
        loop {
            match under_way(&mut db).await {
                Some(done) if done > seen => {
                    seen = done;
                    break;
                }
                None if seen > 0 => return killed,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        let server = world.server(name);
        server.kill().expect("a kill");
        server.restart().expect("a restart");
        killed += 1;
    }
    killed
}

#[tokio::test]
async fn j_01_b_51_the_demo_ends_the_same_with_every_process_killed_during_its_commit() {
    let small = [("importer", &["--import-chunk-rows", "20"][..])];
    let mut world = World::separate(&environment("USHER_TEST_REDIS"), &[], &small).await;
    let setting = world.setting();
    let mut steps = Steps::new(true);
    let story = demo::run(&setting, &mut steps);
    tokio::pin!(story);
    // A story that ends before its commit says why itself.
    let killed = tokio::select! {
        told = &mut story => panic!("nothing was killed: {told:?}"),
        killed = kill_each(&mut world) => killed,
    };
    if let Err(error) = story.await {
        panic!("after {killed} kills: {error:#}");
    }
    assert_eq!(killed, SERVICES.len() + 1, "processes killed at work");
    world.end().await;
}

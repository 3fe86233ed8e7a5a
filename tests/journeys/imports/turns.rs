//! Commits beside each other, and commits that are stopped.

use std::fmt::Write as _;

use contract::importer::{
    CancelImportRequest, CommitImportRequest, GetImportRequest, Import, ImportState,
};
use sqlx::{Connection as _, PgConnection};
use testkit::{Client, until};
use usher_tests::{Suite, suite::MANY_CALLS};

use super::{committed, imports, upload};

async fn of_rows(client: &Client, name: &str, rows: usize) -> Import {
    let mut file = String::from("email,first name,last name\n");
    for row in 0..rows {
        let _ = writeln!(file, "row{row}@{name}.example,First,Last");
    }
    upload(client, &file).await.expect("an import")
}

async fn commit(client: &Client, import: &Import) {
    let ask = CommitImportRequest {
        import_id: import.id.clone(),
        without_mails: true,
        ..Default::default()
    };
    imports(client).commit_import(ask).await.expect("a commit");
}

async fn get(client: &Client, import: &Import) -> Import {
    let import_id = import.id.clone();
    let reply = imports(client)
        .get_import(GetImportRequest { import_id })
        .await;
    reply
        .expect("a reply")
        .into_inner()
        .import
        .expect("an import")
}

#[tokio::test]
async fn b_79_a_tenant_with_many_commits_does_not_hold_up_another() {
    let flags = ["--import-chunk-rows", "5"];
    let suite = Suite::start_with(&[&flags[..], &MANY_CALLS].concat()).await;
    let (acme, globex) = (suite.company("acme").await, suite.company("globex").await);
    let mut large = Vec::new();
    for number in 0..5 {
        large.push(of_rows(&acme.admin.client, &format!("large{number}"), 400).await);
    }
    let small = of_rows(&globex.admin.client, "small", 5).await;
    for import in &large {
        commit(&acme.admin.client, import).await;
    }
    until("every worker is at acme's", || async {
        let mut busy = 0;
        for import in &large {
            let progress = get(&acme.admin.client, import).await.progress;
            busy += usize::from(progress.unwrap_or_default().done > 0);
        }
        (busy >= 4).then_some(())
    })
    .await;
    commit(&globex.admin.client, &small).await;
    let done = committed(&globex.admin.client, &small.id).await;
    assert_eq!(done.progress.unwrap_or_default().created, 5);
    for import in &large {
        let state = get(&acme.admin.client, import).await.state();
        assert_eq!(state, ImportState::Committing, "globex had to wait for it");
    }
    suite.stop().await;
}

/// Keeps invitation from answering for as long as it is there.
async fn away(suite: &Suite) -> PgConnection {
    let mut database = suite.database().connect().await;
    for sql in ["BEGIN", "LOCK TABLE invitation.invitations"] {
        sqlx::query(sql).execute(&mut database).await.expect(sql);
    }
    database
}

#[tokio::test]
async fn b_07_a_commit_that_waits_for_invitation_says_that_it_is_stopping() {
    let flags = ["--import-chunk-rows", "5"];
    let suite = Suite::start_with(&flags).await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    let import = of_rows(client, "stopped", 50).await;
    let away = away(&suite).await;
    commit(client, &import).await;
    // The first rows are under way, and nobody knows what becomes of them.
    let mut database = suite.database().connect().await;
    until("a worker at it", || async {
        let sql = "SELECT lease_id IS NOT NULL FROM importer.imports";
        let mut database = suite.database().connect().await;
        let held: bool = sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .ok()?;
        held.then_some(())
    })
    .await;
    until("invitation to be asked", || async {
        let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
                   AND relation = 'invitation.invitations'::regclass
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
        let mut database = suite.database().connect().await;
        let waits: bool = sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .ok()?;
        waits.then_some(())
    })
    .await;
    let ask = CancelImportRequest {
        import_id: import.id.clone(),
        ..Default::default()
    };
    let reply = imports(client).cancel_import(ask).await.expect("a reply");
    let seen = reply.into_inner().import.expect("an import");
    assert_eq!(seen.state(), ImportState::Stopping);
    assert_eq!(get(client, &import).await.state(), ImportState::Stopping);

    away.close().await.expect("invitation answers again");
    let end = until("the end", || async {
        let seen = get(client, &import).await;
        (seen.state() == ImportState::Cancelled).then_some(seen)
    })
    .await;
    let progress = end.progress.unwrap_or_default();
    assert_eq!(
        (progress.done, progress.created),
        (5, 5),
        "the rows it was at"
    );
    let users: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM identity.users WHERE email LIKE '%@stopped.example'",
    )
    .fetch_one(&mut database)
    .await
    .expect("a count");
    assert_eq!(
        users, 5,
        "no user is there of whom the import does not know"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_77_the_end_of_a_commit_is_told_with_who_began_it_and_from_where() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let import = of_rows(&acme.admin.client, "told", 3).await;
    commit(&acme.admin.client, &import).await;
    committed(&acme.admin.client, &import.id).await;
    let mut database = suite.database().connect().await;
    let by: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT actor_user_id::text, actor_address FROM importer.outbox ORDER BY id",
    )
    .fetch_all(&mut database)
    .await
    .expect("events");
    let admin = (acme.admin.user_id.clone(), Some("192.0.2.7".to_owned()));
    assert_eq!(by, vec![admin; 3], "uploaded, committed, done");
    suite.stop().await;
}

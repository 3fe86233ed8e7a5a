//! B-51: an import that is killed again and again.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use contract::identity::{ListUsersRequest, UserStatus, user_service_client::UserServiceClient};
use contract::importer::{
    CommitImportRequest, GetImportRequest, Import, ImportState, UploadHeader, UploadImportRequest,
    import_service_client::ImportServiceClient, upload_import_request::Part,
};
use contract::invitation::{
    ListInvitationsRequest, invitation_service_client::InvitationServiceClient,
};
use sqlx::AssertSqlSafe;
use testkit::{Client, until, until_within};
use usher_tests::World;

const ROWS: u32 = 2_000;
const KILLS: usize = 20;
/// Moments of a chunk: its invitations are being prepared; there are users of
/// whom the import does not know yet; and any.
const MOMENTS: [&str; 3] = [
    "EXISTS (SELECT FROM invitation.invitations WHERE state = 'preparing')",
    "(SELECT count(*) FROM identity.users WHERE email LIKE '%@killed.example')
         > (SELECT rows_created FROM importer.imports)",
    "true",
];
/// What is left after the last kill, in chunks of twenty, on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

fn file() -> String {
    let mut file = String::from("Email,First Name,Last Name,Role,Default Group\n");
    for row in 0..ROWS {
        let _ = writeln!(
            file,
            "row{row}@killed.example,First{row},Last{row},,{}",
            row % 2 == 0
        );
    }
    file
}

async fn upload(operator: &Client) -> Import {
    let header = UploadHeader {
        file_name: "killed.csv".into(),
        ..Default::default()
    };
    let parts = [Part::Header(header), Part::Chunk(file().into_bytes())]
        .map(|part| UploadImportRequest { part: Some(part) });
    let reply = ImportServiceClient::new(operator.clone())
        .upload_import(tokio_stream::iter(parts))
        .await;
    reply
        .expect("an upload")
        .into_inner()
        .import
        .expect("an import")
}

async fn state(operator: &Client, import_id: &str) -> Option<Import> {
    let ask = GetImportRequest {
        import_id: import_id.into(),
    };
    ImportServiceClient::new(operator.clone())
        .get_import(ask)
        .await
        .ok()?
        .into_inner()
        .import
}

async fn has_come(world: &World, moment: &str) -> bool {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT {moment}")))
        .fetch_one(&mut world.database.connect().await)
        .await
        .expect("an answer")
}

#[tokio::test]
async fn b_51_an_import_killed_twenty_times_loses_and_doubles_nothing() {
    let mut world = World::start(
        &testkit::environment("USHER_TEST_REDIS"),
        &["--import-chunk-rows", "20"],
    )
    .await;
    let operator = world.tenant("killed").await;
    let import = upload(&operator).await;
    let ask = CommitImportRequest {
        import_id: import.id.clone(),
        without_mails: true,
        ..Default::default()
    };
    ImportServiceClient::new(operator.clone())
        .commit_import(ask)
        .await
        .expect("a commit");

    let mut done = 0;
    let mut killed_at_work = 0;
    for kill in 0..KILLS {
        // At another moment of a chunk each time; every kill finds work done
        // since the last, and work left.
        let moment = MOMENTS[kill % MOMENTS.len()];
        let seen = until("progress after a restart", || async {
            let seen = state(&operator, &import.id).await?;
            let over = seen.state() != ImportState::Committing;
            let now = seen.progress.unwrap_or_default().done;
            (over || now > done && has_come(&world, moment).await).then_some(seen)
        })
        .await;
        done = seen.progress.unwrap_or_default().done;
        killed_at_work += usize::from(seen.state() == ImportState::Committing);
        world.process.kill().expect("a kill");
        // The first leases run out by themselves.
        if kill > 0 {
            world.end_leases("suite").await;
        }
        world.process.restart().expect("a restart");
        world.process.ready().await;
    }
    assert!(
        killed_at_work >= KILLS - 2,
        "only {killed_at_work} kills met the import at work"
    );
    let seen = until_within(PATIENCE, "the end of the import", || async {
        let seen = state(&operator, &import.id).await?;
        (seen.state() == ImportState::Done).then_some(seen)
    })
    .await;
    let progress = seen.progress.unwrap_or_default();
    assert_eq!(
        (progress.done, progress.created, progress.failed),
        (ROWS, ROWS, 0)
    );
    assert_eq!(
        users(&operator).await,
        (0..ROWS)
            .map(|row| format!("row{row}@killed.example"))
            .collect()
    );
    let ask = ListInvitationsRequest::default();
    let invitations = InvitationServiceClient::new(operator.clone())
        .list_invitations(ask)
        .await
        .expect("invitations");
    assert_eq!(invitations.into_inner().total_size, u64::from(ROWS));
    world.end().await;
}

async fn users(operator: &Client) -> BTreeSet<String> {
    let mut ask = ListUsersRequest {
        page_size: 100,
        statuses: vec![UserStatus::Invited.into()],
        ..Default::default()
    };
    let mut emails = BTreeSet::new();
    loop {
        let page = UserServiceClient::new(operator.clone())
            .list_users(ask.clone())
            .await
            .expect("users")
            .into_inner();
        let before = emails.len();
        let count = page.users.len();
        emails.extend(page.users.into_iter().map(|user| user.email));
        assert_eq!(emails.len(), before + count, "a user twice");
        if page.next_page_token.is_empty() {
            return emails;
        }
        ask.page_token = page.next_page_token;
    }
}

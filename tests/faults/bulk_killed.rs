//! U-13: an action on many users that is killed again and again.

use std::{fmt::Write as _, time::Duration};

use contract::identity::{
    BulkAction, BulkOperation, BulkOperationState, CreateBulkOperationRequest,
    GetBulkOperationRequest, ListUsersRequest, UserStatus, bulk_service_client::BulkServiceClient,
    create_bulk_operation_request::Users, user_service_client::UserServiceClient,
};
use contract::importer::{
    CommitImportRequest, GetImportRequest, ImportState, UploadHeader, UploadImportRequest,
    import_service_client::ImportServiceClient, upload_import_request::Part,
};
use testkit::{Client, until, until_within};
use usher_tests::World;

const USERS: u32 = 600;
const KILLS: u32 = 6;
const PATIENCE: Duration = Duration::from_mins(2);

/// Brings users in who have no password to hash.
async fn people(operator: &Client) {
    let mut file = String::from("Email,First Name,Last Name\n");
    for row in 0..USERS {
        let _ = writeln!(file, "row{row}@killed.example,First{row},Last{row}");
    }
    let header = UploadHeader {
        file_name: "killed.csv".into(),
        ..Default::default()
    };
    let parts = [Part::Header(header), Part::Chunk(file.into_bytes())]
        .map(|part| UploadImportRequest { part: Some(part) });
    let mut imports = ImportServiceClient::new(operator.clone());
    let import = imports.upload_import(tokio_stream::iter(parts)).await;
    let import_id = import.expect("read").into_inner().import.expect("read").id;
    let ask = CommitImportRequest {
        import_id: import_id.clone(),
        without_mails: true,
        ..Default::default()
    };
    imports.commit_import(ask).await.expect("a commit");
    until_within(PATIENCE, "the users", || async {
        let ask = GetImportRequest {
            import_id: import_id.clone(),
        };
        let mut imports = ImportServiceClient::new(operator.clone());
        let import = imports.get_import(ask).await.ok()?.into_inner().import?;
        (import.state() == ImportState::Done).then_some(())
    })
    .await;
}

async fn state(operator: &Client, id: &str) -> Option<BulkOperation> {
    let ask = GetBulkOperationRequest {
        bulk_operation_id: id.to_owned(),
    };
    let mut bulk = BulkServiceClient::new(operator.clone());
    let reply = bulk.get_bulk_operation(ask).await.ok()?;
    reply.into_inner().bulk_operation
}

fn done(operation: &BulkOperation) -> u32 {
    operation.progress.unwrap_or_default().done
}

#[tokio::test]
async fn u_13_a_bulk_operation_killed_again_and_again_does_each_user_once() {
    let redis = testkit::environment("USHER_TEST_REDIS");
    let mut world = World::separate(&redis, &[], &[]).await;
    let operator = world.tenant("killed").await;
    people(&operator).await;
    let ask = CreateBulkOperationRequest {
        action: BulkAction::Disable.into(),
        users: Some(Users::Filter(ListUsersRequest {
            query: "killed.example".into(),
            ..Default::default()
        })),
        ..Default::default()
    };
    let mut bulk = BulkServiceClient::new(operator.clone());
    let begun = bulk.create_bulk_operation(ask).await.expect("begun");
    let id = begun.into_inner().bulk_operation.expect("begun").id;

    let (mut before, mut killed_at_work) = (0, 0);
    for kill in 0..KILLS {
        // After more users or fewer each time.
        let seen = until("progress after a restart", || async {
            let seen = state(&operator, &id).await?;
            (done(&seen) > before + kill * 7 % 23 || seen.end_time.is_some()).then_some(seen)
        })
        .await;
        before = done(&seen);
        killed_at_work += u32::from(seen.end_time.is_none());
        let identity = world.server("identity");
        identity.kill().expect("a kill");
        // The first lease runs out by itself.
        if kill > 0 {
            world.end_leases("identity").await;
        }
        let identity = world.server("identity");
        identity.restart().expect("a restart");
        identity.ready().await;
    }
    assert!(
        killed_at_work >= KILLS - 2,
        "only {killed_at_work} kills met it at work"
    );
    let seen = until_within(PATIENCE, "the end of the operation", || async {
        let seen = state(&operator, &id).await?;
        seen.end_time.is_some().then_some(seen)
    })
    .await;
    assert_eq!(
        (seen.state(), done(&seen)),
        (BulkOperationState::Done, USERS)
    );

    let ask = ListUsersRequest {
        query: "killed.example".into(),
        statuses: vec![UserStatus::Inactive.into()],
        ..Default::default()
    };
    let users = UserServiceClient::new(operator.clone())
        .list_users(ask)
        .await;
    assert_eq!(
        users.expect("users").into_inner().total_size,
        u64::from(USERS)
    );
    // Each was told of once: no user had two turns.
    let sql = "SELECT count(*), count(DISTINCT payload) FROM identity.outbox
               WHERE request_id = $1 AND payload_type = 'usher.identity.v1.Event'";
    let (told, of): (i64, i64) = sqlx::query_as(sql)
        .bind(&id)
        .fetch_one(&mut world.database.connect().await)
        .await
        .expect("the outbox");
    // And the end of the operation.
    assert_eq!((told, of), (i64::from(USERS) + 1, i64::from(USERS) + 1));
    world.end().await;
}

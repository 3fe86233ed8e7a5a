//! What one tenant, one caller, one file may take of what is there for all.

use std::time::Duration;

use contract::{
    identity::{
        DisableUserRequest, RevokeSessionRequest, session_service_client::SessionServiceClient,
        user_service_client::UserServiceClient,
    },
    importer::{
        CancelImportRequest, Import, UploadHeader, UploadImportRequest, WatchImportRequest,
        WatchImportResponse, upload_import_request::Part,
    },
};
use testkit::{Client, eventually, refusal, until};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Status, Streaming};
use usher_tests::{Suite, suite::MANY_CALLS};

use super::{imports, upload};
use crate::assert_refused;

const HEADER: &str = "email,first name,last name\n";
/// Longer than a machine under load takes to notice.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn b_25_b_52_few_bytes_do_not_become_many_rows() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let bomb = format!("{HEADER}{}", "\n".repeat(200_000));
    let refused = upload(&acme.admin.client, &bomb).await;
    assert_refused!(refused, "FILE_UNREADABLE");
    let mut database = suite.database().connect().await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM importer.import_rows")
        .fetch_one(&mut database)
        .await
        .expect("a count");
    assert_eq!(rows, 0);
    suite.stop().await;
}

#[tokio::test]
async fn b_25_a_tenant_has_twenty_imports_in_review() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    let file = format!("{HEADER}a@f.example,A,B\n");
    let mut last = Import::default();
    for _ in 0..20 {
        last = upload(client, &file).await.expect("one of twenty");
    }
    assert_refused!(upload(client, &file).await, "TOO_MANY_REVIEWS");
    let cancel = CancelImportRequest {
        import_id: last.id,
        ..Default::default()
    };
    imports(client)
        .cancel_import(cancel)
        .await
        .expect("cancelled");
    upload(client, &file).await.expect("room for one");
    suite.stop().await;
}

/// An upload that says its name, and then sends what `rest` does.
async fn begun(
    client: Client,
    rest: impl Stream<Item = Vec<u8>> + Send + 'static,
) -> Result<(), Status> {
    let header = UploadHeader {
        file_name: "slow.csv".into(),
        ..Default::default()
    };
    let parts = tokio_stream::once(Part::Header(header)).chain(rest.map(Part::Chunk));
    let parts = parts.map(|part| UploadImportRequest { part: Some(part) });
    imports(&client).upload_import(parts).await.map(drop)
}

#[tokio::test]
async fn b_79_uploads_of_one_tenant_leave_room_for_those_of_others() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let (acme, globex) = (suite.company("acme").await, suite.company("globex").await);
    for _ in 0..8 {
        let client = acme.admin.client.clone();
        // Whoever finds no place tries again, as who means harm does.
        tokio::spawn(async move {
            while begun(client.clone(), tokio_stream::pending())
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let file = format!("{HEADER}a@f.example,A,B\n");
    let refused = until("acme has no place left", || async {
        upload(&acme.admin.client, &file).await.err()
    })
    .await;
    assert_eq!(refusal(&refused).reason, "TOO_MANY_UPLOADS");
    upload(&globex.admin.client, &file)
        .await
        .expect("globex has places of its own");
    suite.stop().await;
}

#[tokio::test]
async fn b_25_an_upload_that_drips_is_cut_off() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let drops = tokio_stream::iter(HEADER.bytes().cycle().map(|byte| vec![byte]));
    let drops = drops.throttle(Duration::from_millis(200));
    let cut = timeout(
        Duration::from_secs(25),
        begun(acme.admin.client.clone(), Box::pin(drops)),
    );
    let refused = cut.await.expect("cut off after ten seconds");
    assert_refused!(refused, "DEADLINE_EXCEEDED");
    suite.stop().await;
}

async fn watch(client: &Client, import_id: &str) -> Result<Streaming<WatchImportResponse>, Status> {
    let import_id = import_id.to_owned();
    let mut stream = imports(client)
        .watch_import(WatchImportRequest { import_id })
        .await?
        .into_inner();
    stream.message().await?.expect("the import as it is");
    Ok(stream)
}

#[tokio::test]
async fn b_17_who_is_shut_out_sees_no_more_of_an_import() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let file = format!("{HEADER}a@f.example,A,B\n");
    let import = upload(&acme.admin.client, &file).await.expect("an import");

    let disabled = acme.member("dora@acme.example", "admin").await;
    let mut stream = watch(&disabled.client, &import.id).await.expect("a stream");
    assert!(
        timeout(Duration::from_secs(3), stream.message())
            .await
            .is_err(),
        "a stream whose caller may see it goes on"
    );
    let ask = DisableUserRequest {
        user_id: disabled.user_id.clone(),
        ..Default::default()
    };
    UserServiceClient::new(acme.admin.client.clone())
        .disable_user(ask)
        .await
        .expect("disabled");
    let end = timeout(SOON, stream.message()).await.expect("an end");
    assert_refused!(end, "CREDENTIAL_INVALID");

    let leaving = acme.member("lea@acme.example", "admin").await;
    let mut stream = watch(&leaving.client, &import.id).await.expect("a stream");
    SessionServiceClient::new(leaving.client.clone())
        .revoke_session(RevokeSessionRequest::default())
        .await
        .expect("logged out");
    let end = timeout(SOON, stream.message()).await.expect("an end");
    assert_refused!(end, "CREDENTIAL_INVALID");
    suite.stop().await;
}

#[tokio::test]
async fn b_25_a_caller_watches_ten_imports_at_a_time() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    let file = format!("{HEADER}a@f.example,A,B\n");
    let import = upload(&acme.admin.client, &file).await.expect("an import");
    let client = &acme.admin.client;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(watch(client, &import.id).await.expect("one of ten"));
    }
    assert_refused!(watch(client, &import.id).await, "TOO_MANY_WATCHES");
    streams.pop();
    eventually("room for one", || async {
        watch(client, &import.id).await.is_ok()
    })
    .await;
    suite.stop().await;
}

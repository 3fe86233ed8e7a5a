//! Bringing many people in from a file.

mod bounds;
mod review;
mod turns;

use contract::importer::{
    CancelImportRequest, CommitImportRequest, DownloadImportResultRequest, GetImportRequest,
    Import, ImportState, MapImportRoleRequest, RowState, UpdateImportRowRequest, UploadHeader,
    UploadImportRequest, WatchImportRequest, import_service_client::ImportServiceClient,
    upload_import_request::Part,
};
use testkit::Client;
use tonic::Status;
use usher_tests::{Suite, demo};

use crate::assert_refused;

fn imports(client: &Client) -> ImportServiceClient<Client> {
    ImportServiceClient::new(client.clone())
}

pub async fn upload(client: &Client, content: &str) -> Result<Import, Status> {
    let header = UploadHeader {
        file_name: "inline.csv".into(),
        ..Default::default()
    };
    let parts = [
        Part::Header(header),
        Part::Chunk(content.as_bytes().to_vec()),
    ];
    let parts = parts.map(|part| UploadImportRequest { part: Some(part) });
    let reply = imports(client)
        .upload_import(tokio_stream::iter(parts))
        .await?
        .into_inner();
    Ok(reply.import.expect("an import"))
}

pub async fn committed(client: &Client, import_id: &str) -> Import {
    let mut stream = imports(client)
        .watch_import(WatchImportRequest {
            import_id: import_id.into(),
        })
        .await
        .unwrap()
        .into_inner();
    while let Some(seen) = stream.message().await.expect("progress") {
        let import = seen.import.expect("an import");
        if import.state() != ImportState::Committing {
            return import;
        }
    }
    panic!("the stream ended before the commit did");
}

async fn result(client: &Client, import_id: &str) -> String {
    let ask = DownloadImportResultRequest {
        import_id: import_id.into(),
    };
    let mut stream = imports(client)
        .download_import_result(ask)
        .await
        .unwrap()
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = stream.message().await.unwrap() {
        bytes.extend(piece.chunk);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn b_02_utf_8_with_a_byte_order_mark_is_read_row_for_row() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let import = demo::upload(&acme.admin.client, "people-utf8-bom.csv")
        .await
        .expect("read");
    let counts = import.counts.expect("counts");
    let format = import.format.expect("a format");
    assert!(
        format.byte_order_mark && format.encoding.eq_ignore_ascii_case("utf-8"),
        "{format:?}"
    );
    let seen = [
        counts.good,
        counts.flagged,
        counts.wrong,
        counts.duplicate,
        counts.blank,
        counts.users,
    ];
    assert_eq!(seen, [859, 44, 46, 37, 14, 903]);
    suite.stop().await;
}

#[tokio::test]
async fn b_04_b_05_rows_are_mended_mapped_dropped_and_then_committed() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    let import = upload(
        client,
        "Email,First Name,Last Name,Role,Default Group\n\
         one@file.example,One,Good,,TRUE\n\
         two@file.example,Two,Flagged,Wizard,FALSE\n\
         not an address,Three,Wrong,Analyst,FALSE\n\
         ONE@file.example,Four,Duplicate,,\n\
         ,,,,\n\
         five@file.example,,NoFirstName,,\n\
         admin@acme.example,Six,Existing,,\n",
    )
    .await
    .expect("read");
    let counts = import.counts.unwrap();
    let seen = [
        counts.good,
        counts.flagged,
        counts.wrong,
        counts.duplicate,
        counts.blank,
        counts.existing,
        counts.users,
    ];
    assert_eq!(seen, [2, 1, 2, 1, 1, 1, 2]);
    let commit = CommitImportRequest {
        import_id: import.id.clone(),
        ..Default::default()
    };
    assert_refused!(
        imports(client).commit_import(commit.clone()).await,
        "ROWS_FLAGGED"
    );

    let map = MapImportRoleRequest {
        import_id: import.id.clone(),
        name: "WIZARD".into(),
        role_id: acme.roles["analyst"].clone(),
        ..Default::default()
    };
    imports(client)
        .map_import_role(map.clone())
        .await
        .expect("mapped");
    imports(client)
        .map_import_role(map.clone())
        .await
        .expect("mapped again, by who chose wrongly at first");
    let nobodys = MapImportRoleRequest {
        name: "Witch".into(),
        ..map
    };
    assert_refused!(
        imports(client).map_import_role(nobodys).await,
        "ROLE_NAME_UNKNOWN"
    );
    let fix = |line, email: &str| UpdateImportRowRequest {
        import_id: import.id.clone(),
        line,
        email: Some(email.into()),
        ..Default::default()
    };
    let row = imports(client)
        .update_import_row(fix(4, "three@file.example"))
        .await
        .unwrap()
        .into_inner()
        .row
        .unwrap();
    assert_eq!(row.state(), RowState::Good);
    let row = imports(client)
        .update_import_row(fix(5, "four@file.example"))
        .await
        .unwrap()
        .into_inner()
        .row
        .unwrap();
    assert_eq!(row.state(), RowState::Good, "no duplicate any more");
    assert_refused!(
        imports(client)
            .update_import_row(fix(99, "x@file.example"))
            .await,
        "ROW_NOT_FOUND"
    );
    let stale = CommitImportRequest {
        etag: import.etag.clone(),
        ..commit.clone()
    };
    assert_refused!(imports(client).commit_import(stale).await, "ETAG_MISMATCH");

    imports(client)
        .commit_import(commit)
        .await
        .expect("committing");
    let done = committed(client, &import.id).await;
    let progress = done.progress.unwrap();
    assert_eq!(
        (progress.created, progress.skipped, progress.failed),
        (4, 1, 0),
        "{done:?}"
    );
    let file = result(client, &import.id).await;
    assert_eq!(file.lines().count(), 8, "every row and the header:\n{file}");
    assert_refused!(
        imports(client)
            .update_import_row(fix(4, "late@file.example"))
            .await,
        "REVIEW_OVER"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_55_the_result_file_holds_no_formula() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let content = "email;first name;last name\n\
                   a@f.example;=cmd|' /C calc'!A0;+1\nb@f.example;-2;@SUM(1)\nc@f.example;\u{ff1d}1+1;x\n";
    let import = upload(&acme.admin.client, content).await.unwrap();
    let file = result(&acme.admin.client, &import.id).await;
    for field in file.lines().skip(1).flat_map(|line| line.split(',')) {
        let begin = field.trim_matches('"').chars().next();
        assert!(
            !begin.is_some_and(|c| "=+-@\t\r\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c)),
            "{field:?} in:\n{file}"
        );
    }
    suite.stop().await;
}

#[tokio::test]
async fn bad_files_are_refused_with_what_would_be_right() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    for content in ["", "\n\n\n", "name,phone\nA,1\n", "\u{0}\u{0}\u{0}"] {
        let refused = upload(client, content).await;
        assert_refused!(refused, "FILE_UNREADABLE");
    }
    let headless = [UploadImportRequest {
        part: Some(Part::Chunk(b"Email\n".to_vec())),
    }];
    let refused = imports(client)
        .upload_import(tokio_stream::iter(headless))
        .await;
    assert_refused!(refused, "UPLOAD_MALFORMED");
    suite.stop().await;
}

#[tokio::test]
async fn b_07_a_cancelled_review_is_over() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    let import = upload(client, "email,first name,last name\na@f.example,A,B\n")
        .await
        .unwrap();
    imports(client)
        .cancel_import(CancelImportRequest {
            import_id: import.id.clone(),
            ..Default::default()
        })
        .await
        .unwrap();
    let ask = GetImportRequest {
        import_id: import.id.clone(),
    };
    let seen = imports(client)
        .get_import(ask)
        .await
        .unwrap()
        .into_inner()
        .import
        .unwrap();
    assert_eq!(seen.state(), ImportState::Cancelled);
    let commit = CommitImportRequest {
        import_id: import.id,
        ..Default::default()
    };
    assert_refused!(imports(client).commit_import(commit).await, "REVIEW_OVER");
    suite.stop().await;
}

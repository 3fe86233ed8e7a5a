//! Changes of a review: what they count, and what a repetition does.

use contract::importer::{
    CancelImportRequest, GetImportRequest, Import, ImportCounts, MapImportRoleRequest,
    UpdateImportRowRequest,
};
use sqlx::PgConnection;
use testkit::Client;
use usher_tests::Suite;

use super::{imports, upload};

const FILE: &str = "email,first name,last name,role\n\
    a@f.example,A,One,\n\
    A@F.example,A,Two,wizard\n\
    a@f.example,A,Three,\n\
    b@f.example,B,Four,wizard\n\
    ,,,\n\
    admin@acme.example,E,Six,\n\
    nothing,N,Seven,\n";

async fn change(client: &Client, ask: UpdateImportRowRequest) -> Import {
    let reply = imports(client).update_import_row(ask).await;
    reply
        .expect("changed")
        .into_inner()
        .import
        .expect("an import")
}

/// The counts as somebody would count them who looks at every row.
async fn counted(database: &mut PgConnection) -> [u32; 7] {
    let sql = "SELECT array(SELECT count(*) FROM importer.import_rows WHERE state = s)
               FROM unnest('{GOOD,FLAGGED,WRONG,DUPLICATE,BLANK,DROPPED}'::text[]) s";
    let states: Vec<Vec<i64>> = sqlx::query_scalar(sql)
        .fetch_all(&mut *database)
        .await
        .expect("states");
    let sql =
        "SELECT count(*) FROM importer.import_rows WHERE state IN ('GOOD', 'FLAGGED') AND existing";
    let existing: i64 = sqlx::query_scalar(sql)
        .fetch_one(database)
        .await
        .expect("a count");
    let all: Vec<u32> = states
        .into_iter()
        .flatten()
        .chain([existing])
        .map(|count| u32::try_from(count).expect("a count"))
        .collect();
    all.try_into().expect("seven counts")
}

fn told(counts: Option<ImportCounts>) -> [u32; 7] {
    let of = counts.expect("counts");
    [
        of.good,
        of.flagged,
        of.wrong,
        of.duplicate,
        of.blank,
        of.dropped,
        of.existing,
    ]
}

#[tokio::test]
async fn b_05_the_counts_of_a_review_follow_every_change_of_a_row() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    let mut database = suite.database().connect().await;
    let import = upload(client, FILE).await.expect("an import");
    assert_eq!(told(import.counts), [2, 1, 1, 2, 1, 0, 1]);
    assert_eq!(told(import.counts), counted(&mut database).await);

    let row = |line: u32, email: &str| UpdateImportRowRequest {
        import_id: import.id.clone(),
        line,
        email: Some(email.into()),
        ..Default::default()
    };
    let drop = |line: u32, dropped: bool| UpdateImportRowRequest {
        import_id: import.id.clone(),
        line,
        dropped: Some(dropped),
        ..Default::default()
    };
    let steps = [
        (drop(2, true), [1, 2, 1, 1, 1, 1, 1]),
        (drop(2, false), [2, 1, 1, 2, 1, 0, 1]),
        (row(2, "b@f.example"), [2, 1, 1, 2, 1, 0, 1]),
        (row(8, "A@f.example"), [2, 1, 0, 3, 1, 0, 1]),
        (row(7, "new@f.example"), [2, 1, 0, 3, 1, 0, 0]),
        (row(4, "admin@acme.example"), [3, 1, 0, 2, 1, 0, 1]),
        (row(6, "blank@f.example"), [3, 1, 1, 2, 0, 0, 1]),
    ];
    for (ask, expected) in steps {
        let line = ask.line;
        let import = change(client, ask).await;
        assert_eq!(told(import.counts), expected, "line {line}");
        assert_eq!(expected, counted(&mut database).await, "line {line}");
    }
    let ask = MapImportRoleRequest {
        import_id: import.id.clone(),
        name: "wizard".into(),
        role_id: acme.roles["analyst"].clone(),
        ..Default::default()
    };
    let reply = imports(client).map_import_role(ask).await.expect("mapped");
    let import = reply.into_inner().import.expect("an import");
    assert_eq!(told(import.counts), [4, 0, 1, 2, 0, 0, 1]);
    assert_eq!(told(import.counts), counted(&mut database).await);
    suite.stop().await;
}

#[tokio::test]
async fn b_05_changes_of_a_review_are_repeatable() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let client = &acme.admin.client;
    let import = upload(client, FILE).await.expect("an import");
    let request_id = || uuid::Uuid::new_v4().to_string();

    let fix = UpdateImportRowRequest {
        import_id: import.id.clone(),
        line: 8,
        email: Some("seven@f.example".into()),
        request_id: request_id(),
        ..Default::default()
    };
    let first = imports(client)
        .update_import_row(fix.clone())
        .await
        .expect("fixed");
    let again = imports(client)
        .update_import_row(fix)
        .await
        .expect("repeated");
    assert_eq!(first.into_inner(), again.into_inner());

    let map = MapImportRoleRequest {
        import_id: import.id.clone(),
        name: "wizard".into(),
        role_id: acme.roles["analyst"].clone(),
        request_id: request_id(),
    };
    let first = imports(client)
        .map_import_role(map.clone())
        .await
        .expect("mapped");
    let again = imports(client)
        .map_import_role(map)
        .await
        .expect("repeated");
    assert_eq!(first.into_inner(), again.into_inner());

    let cancel = CancelImportRequest {
        import_id: import.id.clone(),
        request_id: request_id(),
    };
    let first = imports(client)
        .cancel_import(cancel.clone())
        .await
        .expect("cancelled");
    let again = imports(client)
        .cancel_import(cancel)
        .await
        .expect("repeated");
    let told = first.into_inner().import;
    assert_eq!(told, again.into_inner().import);
    let ask = GetImportRequest {
        import_id: import.id,
    };
    let seen = imports(client)
        .get_import(ask)
        .await
        .expect("seen")
        .into_inner();
    assert_eq!(
        seen.import.expect("an import").etag,
        told.expect("an import").etag
    );
    suite.stop().await;
}

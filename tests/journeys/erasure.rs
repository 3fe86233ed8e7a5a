//! What is left of a person who was deleted.

mod again;
mod elsewhere;

use std::time::Duration;

use contract::identity::{
    DeleteUserRequest, Erasure, GetErasureRequest, ListAuditRecordsRequest, ListErasuresRequest,
    UpdateUserRequest, UserFields, audit_service_client::AuditServiceClient,
    erasure_service_client::ErasureServiceClient, user_service_client::UserServiceClient,
};
use contract::importer::{
    CommitImportRequest, GetImportRequest, ImportState, UploadHeader, UploadImportRequest,
    import_service_client::ImportServiceClient, upload_import_request::Part,
};
use prost_types::FieldMask;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use testkit::{Client, eventually, until};
use tonic::Status;
use usher_tests::{Suite, password};

use crate::assert_refused;

const SCHEMAS: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

/// The tables of all services in which a text stands, as text or in bytes.
async fn tables_with(db: &mut PgConnection, text: &str) -> Vec<String> {
    let tables = sqlx::query(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
         WHERE schemaname = ANY($1) ORDER BY 1",
    )
    .bind(SCHEMAS)
    .fetch_all(&mut *db)
    .await
    .expect("the tables");
    let mut found = Vec::new();
    for table in tables {
        let name: String = table.get("name");
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {name} t WHERE t::text ILIKE '%{text}%'
                 OR t::text LIKE '%' || encode('{text}', 'hex') || '%')"
        );
        if sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut *db)
            .await
            .expect("a look")
        {
            found.push(name);
        }
    }
    found
}

#[tokio::test]
async fn u_12_no_name_and_no_address_of_a_deleted_user_is_left() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    // One who was created, and one who was invited, accepted, and invited others.
    let created = acme
        .user("vanishing.created@acme.example", &password())
        .await;
    let edit = UpdateUserRequest {
        user_id: created.clone(),
        user: Some(UserFields {
            email: "vanishing.again@acme.example".into(),
            avatar_uri: "https://acme.example/vanishing.png".into(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["email".into(), "avatar_uri".into()],
        }),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(admin.clone());
    users.update_user(edit).await.expect("another address");
    let invited = acme
        .invited("vanishing.invited@acme.example", &["admin"], &suite.mails())
        .await;
    let draft = acme.draft("staying@acme.example", &["analyst"]);
    let ask = contract::invitation::CreateInvitationRequest {
        invitation: Some(draft),
        ..Default::default()
    };
    usher_tests::invitations(&invited.client)
        .create_invitation(ask)
        .await
        .expect("an invitation");
    let trail = |actions: &[&str]| ListAuditRecordsRequest {
        actor_user_id: invited.user_id.clone(),
        actions: actions.iter().map(|action| (*action).into()).collect(),
        ..Default::default()
    };
    let invite = until("what they did in the audit trail", || async {
        let ask = trail(&["invitation_created"]);
        let mut audit = AuditServiceClient::new(admin.clone());
        let reply = audit.list_audit_records(ask).await.expect("the trail");
        reply.into_inner().records.pop()
    })
    .await;
    assert_eq!(invite.actor_email, "vanishing.invited@acme.example");

    let mut db = suite.database().connect().await;
    assert!(
        tables_with(&mut db, "vanishing").await.len() > 1,
        "the look finds nothing"
    );
    for user_id in [&created, &invited.user_id] {
        delete(admin, user_id).await;
    }
    for user_id in [&created, &invited.user_id] {
        erased(admin, user_id).await;
    }
    // The audit trail forgets by the same events, at its own pace.
    eventually("nothing to be left", || async {
        let mut db = suite.database().connect().await;
        tables_with(&mut db, "vanishing").await.is_empty()
    })
    .await;

    // The trail still tells what they did.
    let ask = trail(&["invitation_created"]);
    let mut audit = AuditServiceClient::new(admin.clone());
    let reply = audit.list_audit_records(ask).await.expect("the trail");
    let record = reply.into_inner().records.pop().expect("what they did");
    assert_eq!((record.id, record.actor_email), (invite.id, String::new()));
    suite.stop().await;
}

async fn delete(client: &Client, user_id: &str) {
    let ask = DeleteUserRequest {
        user_id: user_id.to_owned(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.delete_user(ask).await.expect("deleted");
}

async fn erasure(client: &Client, user_id: &str) -> Result<Erasure, Status> {
    let ask = GetErasureRequest {
        user_id: user_id.to_owned(),
    };
    let mut erasures = ErasureServiceClient::new(client.clone());
    let reply = erasures.get_erasure(ask).await?.into_inner();
    Ok(reply.erasure.expect("an erasure"))
}

/// Waits until every service says that it has erased a user.
async fn erased(client: &Client, user_id: &str) {
    eventually("what every service says", || async {
        let erasure = erasure(client, user_id).await.expect("an erasure");
        erasure.end_time.is_some() && erasure.pending_services.is_empty()
    })
    .await;
}

async fn pending(client: &Client) -> Vec<Erasure> {
    let ask = ListErasuresRequest {
        pending: true,
        ..Default::default()
    };
    let mut erasures = ErasureServiceClient::new(client.clone());
    let page = erasures.list_erasures(ask).await.expect("erasures");
    let page = page.into_inner();
    assert_eq!(page.total_size, page.erasures.len() as u64);
    page.erasures
}

#[tokio::test]
async fn u_12_every_service_says_that_it_erased_a_user() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let user = acme.user("gone@acme.example", &password()).await;
    assert_refused!(erasure(admin, &user).await, "ERASURE_NOT_FOUND");

    // One that cannot go on is told, and everybody else goes on.
    let mut held = suite.database().connect().await;
    for sql in ["BEGIN", "SELECT FROM importer.cursors FOR UPDATE"] {
        sqlx::query(sql).execute(&mut held).await.expect(sql);
    }
    delete(admin, &user).await;
    let told = until("the one that is left", || async {
        let erasure = erasure(admin, &user).await.expect("an erasure");
        (erasure.pending_services == ["importer"]).then_some(erasure)
    })
    .await;
    assert_eq!(told.end_time, None);
    assert_eq!(pending(admin).await, [told]);
    held.close().await.expect("the lock is gone");
    erased(admin, &user).await;
    assert_eq!(pending(admin).await, []);

    // It is forgotten 30 days later.
    suite.time().advance(Duration::from_hours(31 * 24));
    eventually("the end of the erasure", || async {
        let gone = sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM identity.erasures)");
        let mut db = suite.database().connect().await;
        gone.fetch_one(&mut db).await.expect("a look")
    })
    .await;
    suite.stop().await;
}

/// Uploads a file with these lines and commits it without mails.
async fn import(client: &Client, lines: &str) {
    let mut imports = ImportServiceClient::new(client.clone());
    let header = UploadHeader {
        file_name: "people.csv".into(),
        ..Default::default()
    };
    let file = format!("Email,First Name,Last Name\n{lines}");
    let parts = [Part::Header(header), Part::Chunk(file.into_bytes())]
        .map(|part| UploadImportRequest { part: Some(part) });
    let read = imports.upload_import(tokio_stream::iter(parts)).await;
    let import_id = read.expect("read").into_inner().import.expect("read").id;
    let ask = CommitImportRequest {
        import_id: import_id.clone(),
        without_mails: true,
        ..Default::default()
    };
    imports.commit_import(ask).await.expect("a commit");
    eventually("the end of the import", || async {
        let ask = GetImportRequest {
            import_id: import_id.clone(),
        };
        let mut imports = ImportServiceClient::new(client.clone());
        let import = imports.get_import(ask).await.expect("an import");
        let import = import.into_inner().import.expect("an import");
        import.state() == ImportState::Done
    })
    .await;
}

#[tokio::test]
async fn u_12_files_tell_nothing_of_a_deleted_user_any_more() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    // One stands twice in the file that brings them in, and again in a later one;
    // the other was there before the file that names them.
    let lines = "vanishing@acme.example,Vera,Vanishing\nVANISHING@acme.example,Vera,Vanishing\n";
    let before = acme.user("vanishing.too@acme.example", &password()).await;
    import(admin, lines).await;
    import(
        admin,
        &format!(
            "{lines}vanishing.too@acme.example,Too,Vanishing\nstays@acme.example,Stays,Here\n"
        ),
    )
    .await;
    let mut db = suite.database().connect().await;
    let sql = "SELECT id::text FROM identity.users WHERE email = 'vanishing@acme.example'";
    let brought: String = sqlx::query_scalar(sql)
        .fetch_one(&mut db)
        .await
        .expect("a user");
    let seen = tables_with(&mut db, "vanishing").await;
    assert!(
        seen.contains(&"importer.import_rows".to_owned()),
        "{seen:?}"
    );
    for user in [&before, &brought] {
        delete(admin, user).await;
    }
    for user in [&before, &brought] {
        erased(admin, user).await;
    }
    assert_eq!(
        tables_with(&mut db, "vanishing").await,
        Vec::<String>::new()
    );
    let seen = tables_with(&mut db, "stays@").await;
    assert!(
        seen.contains(&"importer.import_rows".to_owned()),
        "{seen:?}"
    );
    suite.stop().await;
}

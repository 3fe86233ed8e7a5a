//! What is left of a person who was deleted.

use std::time::Duration;

use contract::identity::{
    DeleteUserRequest, ListAuditRecordsRequest, UpdateUserRequest, UserFields,
    audit_service_client::AuditServiceClient, user_service_client::UserServiceClient,
};
use prost_types::FieldMask;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use testkit::until;
use usher_tests::{Suite, password};

const SCHEMAS: [&str; 4] = ["identity", "authorization", "invitation", "importer"];

/// The tables of all services in which a text stands, as text or in bytes. Not
/// `replies`, which are kept for repeating and go after two days.
async fn tables_with(db: &mut PgConnection, text: &str) -> Vec<String> {
    let tables = sqlx::query(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
         WHERE schemaname = ANY($1) AND tablename <> 'replies' ORDER BY 1",
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
    for user_id in [created, invited.user_id.clone()] {
        let ask = DeleteUserRequest {
            user_id,
            ..Default::default()
        };
        let mut users = UserServiceClient::new(admin.clone());
        users.delete_user(ask).await.expect("deleted");
    }
    let mut left = Vec::new();
    for _ in 0..400 {
        left = tables_with(&mut db, "vanishing").await;
        if left.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(left.is_empty(), "they are left in {left:?}");

    // The trail still tells what they did.
    let ask = trail(&["invitation_created"]);
    let mut audit = AuditServiceClient::new(admin.clone());
    let reply = audit.list_audit_records(ask).await.expect("the trail");
    let record = reply.into_inner().records.pop().expect("what they did");
    assert_eq!((record.id, record.actor_email), (invite.id, String::new()));
    suite.stop().await;
}

//! Where else people are named than by their account.

use contract::identity::CreateUserRequest;
use contract::importer::{CancelImportRequest, ImportCounts, UpdateImportRowRequest};
use contract::invitation::{CreateInvitationRequest, DeclineInvitationRequest};
use usher_tests::{invitations, token_mailed_to};
use uuid::Uuid;

use super::*;
use crate::imports::upload;

const VERA: &str = "vanishing@acme.example";

fn request_id() -> String {
    Uuid::new_v4().to_string()
}

async fn nothing_is_left(suite: &Suite) {
    eventually("nothing to be left", || async {
        let mut db = suite.database().connect().await;
        tables_with(&mut db, "vanishing").await.is_empty()
    })
    .await;
}

async fn stands_in(suite: &Suite, table: &str) -> bool {
    let mut db = suite.database().connect().await;
    let tables = tables_with(&mut db, "vanishing").await;
    tables.contains(&table.to_owned())
}

/// What is kept to answer a repeated request tells of nobody who is gone.
#[tokio::test]
async fn u_12_no_reply_tells_of_a_deleted_user() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let create = CreateUserRequest {
        first_name: "Vera".into(),
        last_name: "Vanishing".into(),
        email: VERA.into(),
        password: password(),
        request_id: request_id(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(admin.clone());
    let created = users.create_user(create.clone()).await.expect("a user");
    let created = created.into_inner().user.expect("a user").id;
    let invite = CreateInvitationRequest {
        invitation: Some(acme.draft("vanishing.too@acme.example", &["analyst"])),
        request_id: request_id(),
    };
    let invited = invitations(admin).create_invitation(invite.clone()).await;
    let invited = invited.expect("invited").into_inner();
    let invited = invited.invitation.expect("an invitation").user_id;
    for replies in ["identity.replies", "invitation.replies"] {
        assert!(stands_in(&suite, replies).await, "{replies}");
    }
    let stays = acme.draft("stays@acme.example", &["analyst"]);
    let stays = CreateInvitationRequest {
        invitation: Some(stays),
        request_id: request_id(),
    };
    let kept = invitations(admin).create_invitation(stays.clone()).await;
    let kept = kept.expect("invited").into_inner();
    for user in [&created, &invited] {
        delete(admin, user).await;
    }
    for user in [&created, &invited] {
        erased(admin, user).await;
    }
    nothing_is_left(&suite).await;

    // A repetition makes nobody anew, and who stays is told of as before.
    assert_refused!(users.create_user(create).await, "REQUEST_ID_REUSED");
    let again = invitations(admin).create_invitation(invite).await;
    assert_refused!(again, "REQUEST_ID_REUSED");
    let again = invitations(admin).create_invitation(stays).await;
    assert_eq!(again.expect("the same").into_inner(), kept);
    suite.stop().await;
}

async fn counts(client: &Client, import_id: &str) -> ImportCounts {
    let ask = GetImportRequest {
        import_id: import_id.into(),
    };
    let mut imports = ImportServiceClient::new(client.clone());
    let import = imports.get_import(ask).await.expect("an import");
    let import = import.into_inner().import.expect("an import");
    import.counts.expect("counts")
}

/// A review that is open drops who is deleted; one that was given up keeps nobody.
#[tokio::test]
async fn u_12_files_that_are_not_committed_name_nobody_who_is_gone() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let mut imports = ImportServiceClient::new(admin.clone());
    let vera = acme.user(VERA, &password()).await;
    let header = "Email,First Name,Last Name\n";
    let file = format!("{header}{VERA},Vera,Vanishing\nstays@acme.example,Stays,Here\n");
    let open = upload(admin, &file).await.expect("read");
    let renamed = UpdateImportRowRequest {
        import_id: open.id.clone(),
        line: 2,
        last_name: Some("Vanishing too".into()),
        request_id: request_id(),
        ..Default::default()
    };
    imports.update_import_row(renamed).await.expect("a change");
    let before = counts(admin, &open.id).await;
    assert_eq!((before.good, before.existing), (2, 1), "{before:?}");

    // Nobody of whom the platform knows, and who is in no list of it afterwards.
    let file = format!("{header}vanishing.unknown@acme.example,Una,Vanishing\n{VERA},V,V\n");
    let given_up = upload(admin, &file).await.expect("read");
    let ask = CancelImportRequest {
        import_id: given_up.id,
        ..Default::default()
    };
    imports.cancel_import(ask).await.expect("given up");

    for table in ["importer.import_rows", "importer.replies"] {
        assert!(stands_in(&suite, table).await, "{table}");
    }
    delete(admin, &vera).await;
    erased(admin, &vera).await;
    nothing_is_left(&suite).await;
    let after = counts(admin, &open.id).await;
    assert_eq!(
        (after.good, after.dropped, after.existing),
        (1, 1, 0),
        "{after:?}"
    );
    suite.stop().await;
}

async fn decline(suite: &Suite, acme: &usher_tests::Company, email: &str) {
    acme.invite(email).await.expect("an invitation");
    let ask = DeclineInvitationRequest {
        token: token_mailed_to(&suite.mails(), email).await,
    };
    let anyone = suite.anyone();
    let declined = invitations(&anyone).decline_invitation(ask).await;
    declined.expect("declined");
}

#[tokio::test]
async fn u_12_a_declined_invitation_goes_with_who_came_later_or_in_time() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    decline(&suite, &acme, VERA).await;
    eventually("the address to be free", || async {
        acme.invite(VERA).await.is_ok()
    })
    .await;
    let sql = "SELECT user_id::text FROM invitation.invitations WHERE state = 'pending'";
    let mut db = suite.database().connect().await;
    let came_later: String = sqlx::query_scalar(sql)
        .fetch_one(&mut db)
        .await
        .expect("the second one");
    delete(admin, &came_later).await;
    erased(admin, &came_later).await;
    nothing_is_left(&suite).await;

    decline(&suite, &acme, "vanishing.for.good@acme.example").await;
    assert!(stands_in(&suite, "invitation.invitations").await);
    suite.later(Duration::from_hours(24 * 60)).await;
    nothing_is_left(&suite).await;
    suite.stop().await;
}

//! Inviting under odd circumstances.

use contract::authorization::{
    ListRoleBindingsRequest, role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::{ListUsersRequest, user_service_client::UserServiceClient};
use contract::invitation::{
    BatchCreateInvitationsRequest, PreviewInvitationRequest, invitation_outcome,
};
use contract::licensing::{GetLicenseRequest, license_service_client::LicenseServiceClient};
use sqlx::Executor as _;
use usher_tests::{Suite, invitations, token_mailed_to};

use crate::assert_refused;

#[tokio::test]
async fn i_04_invited_again_before_all_heard_of_the_revocation_gives_the_new_roles() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let first = acme.invite("eve@acme.example").await.expect("invited");
    // Somebody took it back, and authorization is to hear of it in a moment.
    let sql = "UPDATE invitation.invitations SET revoked = true,
        lease_time = now() + interval '500 ms', lease_token = gen_random_uuid() WHERE id = $1";
    let revoked = sqlx::query(sql)
        .bind(uuid::Uuid::parse_str(&first.id).expect("an id"))
        .execute(&mut suite.database().connect().await)
        .await;
    assert_eq!(revoked.expect("revoked").rows_affected(), 1);
    let draft = acme.draft("eve@acme.example", &["standard user"]);
    let second = acme.invite_as(draft).await.expect("invited again");
    assert_eq!(first.user_id, second.user_id);
    let ask = ListRoleBindingsRequest {
        user_id: second.user_id,
        ..Default::default()
    };
    let mut bindings = RoleBindingServiceClient::new(acme.admin.client.clone());
    let held = bindings.list_role_bindings(ask).await.expect("listed");
    let held: Vec<String> = held
        .into_inner()
        .bindings
        .into_iter()
        .map(|binding| binding.role_id)
        .collect();
    assert_eq!(held, [acme.roles["standard user"].clone()]);
    suite.stop().await;
}

#[tokio::test]
async fn b_08_one_role_in_two_spellings_sinks_no_others() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let mut twice = acme.draft("twice@acme.example", &["analyst"]);
    twice.role_ids.push(acme.roles["analyst"].to_uppercase());
    let ask = BatchCreateInvitationsRequest {
        invitations: vec![acme.draft("once@acme.example", &["analyst"]), twice],
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let mut client = invitations(&acme.admin.client);
    let reply = client.batch_create_invitations(ask).await.expect("a reply");
    for outcome in reply.into_inner().outcomes {
        let Some(invitation_outcome::Outcome::Invitation(one)) = outcome.outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(one.role_ids, [acme.roles["analyst"].clone()]);
    }
    suite.stop().await;
}

#[tokio::test]
async fn b_08_who_lost_the_lease_leaves_no_user_behind() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(5, &["analyst"]).await;
    // Somebody else gives the row up while identity makes the user.
    let trigger = "
        CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
            DELETE FROM invitation.invitations WHERE email = NEW.email; RETURN NULL; END $$;
        CREATE TRIGGER give_up AFTER INSERT ON identity.users FOR EACH ROW EXECUTE FUNCTION give_up()";
    let mut database = suite.database().connect().await;
    database.execute(trigger).await.expect("a trigger");
    assert_refused!(
        acme.invite("gone@acme.example").await,
        "DEPENDENCY_UNAVAILABLE"
    );
    let ask = ListUsersRequest {
        query: "gone@".into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(acme.admin.client.clone());
    let found = users.list_users(ask).await.expect("users").into_inner();
    assert_eq!(found.users, [], "the user stays behind");
    let mut licenses = LicenseServiceClient::new(acme.admin.client.clone());
    let license = licenses.get_license(GetLicenseRequest {}).await;
    let license = license.expect("seats").into_inner().license;
    assert_eq!(license.expect("seats").used_seats, 0);
    suite.stop().await;
}

#[tokio::test]
async fn i_05_a_preview_names_the_roles_of_a_tenant_that_has_thousands() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let sql = "INSERT INTO \"authorization\".roles
            (tenant_id, id, name, display_name, description, permissions, predefined, is_default)
        SELECT $1, gen_random_uuid(), 'a' || number, '', '', '{}', true, false
        FROM generate_series(1, 2100) AS number";
    let added = sqlx::query(sql)
        .bind(uuid::Uuid::parse_str(&acme.id).expect("an id"))
        .execute(&mut suite.database().connect().await)
        .await;
    assert_eq!(added.expect("roles").rows_affected(), 2100);
    let draft = acme.draft("many@acme.example", &["standard user"]);
    acme.invite_as(draft).await.expect("invited");
    let token = token_mailed_to(&suite.mails(), "many@acme.example").await;
    let ask = PreviewInvitationRequest { token };
    let mut anyone = invitations(&suite.anyone());
    let preview = anyone.preview_invitation(ask).await.expect("a preview");
    assert_eq!(preview.into_inner().role_names, ["Standard User"]);
    suite.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_refused() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    for name in [
        "see https://evil.example",
        "\u{202e}live",
        "Ada\r\nBcc: eve",
    ] {
        let mut draft = acme.draft("ada@acme.example", &["analyst"]);
        draft.last_name = name.into();
        let refusal = assert_refused!(acme.invite_as(draft).await, "FIELD_INVALID");
        assert_eq!(refusal.fields, ["invitation.last_name"], "{name:?}");
    }
    suite.stop().await;
}

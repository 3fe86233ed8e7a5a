//! Nobody decides over who may do more than they, and an admin stays.

use contract::{
    authorization::RoleSet,
    identity::{
        DeleteUserRequest, DisableUserRequest, EnableUserRequest, ListSessionsRequest, MfaPolicy,
        RevokeSessionRequest, UnlockUserRequest, session_service_client::SessionServiceClient,
        user_service_client::UserServiceClient,
    },
    invitation::{InvitationState, RevokeInvitationRequest},
};
use testkit::{Client, eventually};
use tonic::Status;
use usher_tests::{Company, Suite, accept, invitations, sign_in, token_mailed_to};

use crate::{assert_refused, lockout::policy::lock};

async fn company(suite: &Suite) -> Company {
    suite
        .company_with("acme", RoleSet::Project, MfaPolicy::Optional)
        .await
}

async fn disable(client: &Client, user_id: &str) -> Result<(), Status> {
    let ask = DisableUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.disable_user(ask).await.map(|_| ())
}

async fn enable(client: &Client, user_id: &str) -> Result<(), Status> {
    let ask = EnableUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.enable_user(ask).await.map(|_| ())
}

async fn delete(client: &Client, user_id: &str) -> Result<(), Status> {
    let ask = DeleteUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.delete_user(ask).await.map(|_| ())
}

async fn unlock(client: &Client, user_id: &str) -> Result<(), Status> {
    let ask = UnlockUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(client.clone());
    users.unlock_user(ask).await.map(|_| ())
}

/// Ends the first session of a user.
async fn log_out(client: &Client, user_id: &str) -> Result<(), Status> {
    let mut sessions = SessionServiceClient::new(client.clone());
    let ask = ListSessionsRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let listed = sessions.list_sessions(ask).await?.into_inner();
    let ask = RevokeSessionRequest {
        user_id: user_id.into(),
        session_id: listed.sessions[0].id.clone(),
        ..Default::default()
    };
    sessions.revoke_session(ask).await.map(|_| ())
}

#[tokio::test]
async fn a_04_a_co_admin_does_not_shut_an_admin_out() {
    let suite = Suite::start().await;
    let acme = company(&suite).await;
    let admin = &acme.admin.user_id;
    let co_admin = acme.member("co@acme.example", "co-admin").await;
    let by = &co_admin.client;
    assert_refused!(disable(by, admin).await, "EXCEEDS_OWN_PERMISSIONS");
    assert_refused!(delete(by, admin).await, "EXCEEDS_OWN_PERMISSIONS");
    assert_refused!(enable(by, admin).await, "EXCEEDS_OWN_PERMISSIONS");
    assert_refused!(unlock(by, admin).await, "EXCEEDS_OWN_PERMISSIONS");
    assert_refused!(log_out(by, admin).await, "EXCEEDS_OWN_PERMISSIONS");
    // Whoever asks, the last one stays.
    assert_refused!(disable(&acme.operator, admin).await, "LAST_ADMIN");
    assert_refused!(delete(&acme.operator, admin).await, "LAST_ADMIN");
    assert_refused!(lock(&acme.operator, admin).await, "LAST_ADMIN");
    disable(&acme.admin.client, &co_admin.user_id)
        .await
        .expect("an admin decides over a co-admin");
    suite.stop().await;
}

#[tokio::test]
async fn b_35_of_two_admins_who_delete_each_other_one_stays() {
    let suite = Suite::start().await;
    let acme = company(&suite).await;
    let other = acme.member("other@acme.example", "admin").await;
    let (one, two) = tokio::join!(
        delete(&acme.admin.client, &other.user_id),
        delete(&other.client, &acme.admin.user_id),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    suite.stop().await;
}

/// As if identity was killed between the answer and its own commit.
async fn leave_to_settle(suite: &Suite, user_id: &str) {
    let left = sqlx::query(
        "UPDATE \"authorization\".subjects SET leave_time = now() - interval '30 s' WHERE user_id = $1",
    )
    .bind(uuid::Uuid::parse_str(user_id).expect("an id"))
    .execute(&mut suite.database().connect().await)
    .await;
    assert_eq!(left.expect("a change").rows_affected(), 1);
}

#[tokio::test]
async fn b_35_of_two_admins_who_lock_each_other_one_stays() {
    let suite = Suite::start().await;
    let acme = company(&suite).await;
    let other = acme.member("other@acme.example", "admin").await;
    let (one, two) = tokio::join!(
        lock(&acme.admin.client, &other.user_id),
        lock(&other.client, &acme.admin.user_id),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let (stays, locked) = if one.is_ok() {
        (&acme.admin, &other.user_id)
    } else {
        (&other, &acme.admin.user_id)
    };
    assert_refused!(lock(&acme.operator, &stays.user_id).await, "LAST_ADMIN");
    // As long as the lock holds, however long that is.
    suite.settled().await;
    let watched = acme.member("watched@acme.example", "viewer").await.user_id;
    leave_to_settle(&suite, &watched).await;
    suite.time().advance(std::time::Duration::from_mins(3));
    eventually("those who were let go are settled", || async {
        let sql =
            "SELECT leave_time IS NULL FROM \"authorization\".subjects WHERE user_id = $1::uuid";
        let mut db = suite.database().connect().await;
        let settled = sqlx::query_scalar(sql).bind(&watched).fetch_one(&mut db);
        settled.await.expect("a look")
    })
    .await;
    assert_refused!(lock(&acme.operator, &stays.user_id).await, "LAST_ADMIN");
    assert_refused!(disable(&acme.operator, &stays.user_id).await, "LAST_ADMIN");
    unlock(&stays.client, locked).await.expect("unlocked");
    eventually("the other admin counts", || async {
        lock(&acme.operator, &stays.user_id).await.is_ok()
    })
    .await;
    suite.stop().await;
}

#[tokio::test]
async fn b_35_who_was_let_go_and_stayed_counts_again() {
    let suite = Suite::start().await;
    let acme = company(&suite).await;
    let other = acme.member("other@acme.example", "admin").await;
    leave_to_settle(&suite, &other.user_id).await;
    let admin = &acme.admin.user_id;
    assert_refused!(disable(&other.client, admin).await, "LAST_ADMIN");
    suite.time().advance(std::time::Duration::from_secs(40));
    eventually("the other admin counts", || async {
        disable(&other.client, admin).await.is_ok()
    })
    .await;
    assert_refused!(disable(&acme.operator, &other.user_id).await, "LAST_ADMIN");
    enable(&other.client, admin).await.expect("enabled");
    eventually("the first admin counts", || async {
        disable(&acme.operator, &other.user_id).await.is_ok()
    })
    .await;
    suite.stop().await;
}

#[tokio::test]
async fn a_04_a_disabled_admin_leaves_no_back_door() {
    let suite = Suite::start().await;
    let acme = company(&suite).await;
    let bad = acme.member("bad@acme.example", "admin").await;
    let ask = contract::invitation::CreateInvitationRequest {
        invitation: Some(acme.draft("door@acme.example", &["admin"])),
        ..Default::default()
    };
    let invited = invitations(&bad.client).create_invitation(ask).await;
    invited.expect("an invitation");
    let token = token_mailed_to(&suite.mails(), "door@acme.example").await;
    disable(&acme.admin.client, &bad.user_id)
        .await
        .expect("disabled");
    eventually("the admin may do nothing", || async {
        !may(&acme, &bad.user_id).await
    })
    .await;
    let door = accept(&suite.anyone(), &token).await.expect("an account");
    assert!(!may(&acme, &door.user_id).await, "the back door is open");
    suite.stop().await;
}

async fn may(acme: &Company, user_id: &str) -> bool {
    let ask = contract::authorization::CheckRequest {
        user_id: user_id.into(),
        permission: "users.view".into(),
        ..Default::default()
    };
    let mut access = contract::authorization::access_service_client::AccessServiceClient::new(
        acme.admin.client.clone(),
    );
    access
        .check(ask)
        .await
        .expect("checked")
        .into_inner()
        .allowed
}

#[tokio::test]
async fn a_04_a_co_admin_does_not_take_back_what_an_admin_gave() {
    let suite = Suite::start().await;
    let acme = company(&suite).await;
    let co_admin = acme.member("co@acme.example", "co-admin").await;
    let draft = acme.draft("next@acme.example", &["admin"]);
    let invitation = acme.invite_as(draft).await.expect("an invitation");
    let ask = RevokeInvitationRequest {
        invitation_id: invitation.id,
        ..Default::default()
    };
    let refused = invitations(&co_admin.client)
        .revoke_invitation(ask.clone())
        .await;
    assert_refused!(refused, "EXCEEDS_OWN_PERMISSIONS");
    let pending = acme.invitations(&[InvitationState::Pending]).await;
    assert_eq!(pending.len(), 1, "it is still there");
    let revoked = invitations(&acme.admin.client).revoke_invitation(ask).await;
    revoked.expect("an admin may");
    suite.stop().await;
}

#[tokio::test]
async fn u_11_a_disabled_invitee_finishes_nothing_and_keeps_the_link() {
    let suite = Suite::start().await;
    let acme = company(&suite).await;
    let draft = acme.draft("late@acme.example", &["viewer"]);
    let user_id = acme.invite_as(draft).await.expect("an invitation").user_id;
    let token = token_mailed_to(&suite.mails(), "late@acme.example").await;
    disable(&acme.admin.client, &user_id)
        .await
        .expect("disabled");
    let refused = accept(&suite.anyone(), &token).await;
    let refused = refused.err().expect("refused").downcast::<Status>();
    assert_refused!(Err::<(), _>(refused.expect("a status")), "USER_DISABLED");
    assert!(!may(&acme, &user_id).await);
    enable(&acme.admin.client, &user_id).await.expect("enabled");
    let setup = accept(&suite.anyone(), &token)
        .await
        .expect("the link works");
    sign_in(
        &suite.anyone(),
        "acme",
        "late@acme.example",
        &setup.password,
    )
    .await
    .expect("the password was set");
    eventually("the roles are live", || may(&acme, &user_id)).await;
    suite.stop().await;
}

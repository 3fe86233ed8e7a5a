//! Invitations that a crash left in the middle. The rows are put where a
//! killed process would have left them.

use std::time::Duration;

use contract::identity::{GetUserRequest, UserStatus, user_service_client::UserServiceClient};
use contract::invitation::{
    AcceptInvitationRequest, BatchCreateInvitationsRequest, CreateInvitationRequest,
    GetInvitationRequest, Invitation, InvitationState, ListInvitationsRequest,
    PreviewInvitationRequest, RevokeInvitationRequest,
    invitation_service_client::InvitationServiceClient,
};
use contract::licensing::{GetLicenseRequest, license_service_client::LicenseServiceClient};
use testkit::{Client, eventually, until};
use usher_tests::{Company, Suite, accept, password, token_mailed_to};

use crate::assert_refused;

fn invitations(client: &Client) -> InvitationServiceClient<Client> {
    InvitationServiceClient::new(client.clone())
}

async fn invite(acme: &Company, email: &str) -> Invitation {
    let ask = CreateInvitationRequest {
        invitation: Some(acme.draft(email, &["analyst"])),
        ..Default::default()
    };
    let reply = invitations(&acme.admin.client).create_invitation(ask).await;
    reply
        .expect("an invitation")
        .into_inner()
        .invitation
        .expect("an invitation")
}

async fn leave(suite: &Suite, invitation: &Invitation, change: &str) {
    let sql = format!(
        "UPDATE invitation.invitations SET {change}, lease_time = now() - interval '1 hour' WHERE id = '{}'",
        invitation.id
    );
    let mut database = suite.database().connect().await;
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(&mut database)
        .await
        .expect("a change");
    assert_eq!(done.rows_affected(), 1);
}

async fn get(acme: &Company, invitation: &Invitation) -> Option<Invitation> {
    let ask = GetInvitationRequest {
        invitation_id: invitation.id.clone(),
    };
    invitations(&acme.admin.client)
        .get_invitation(ask)
        .await
        .ok()?
        .into_inner()
        .invitation
}

async fn seats_used(acme: &Company) -> u32 {
    let mut licenses = LicenseServiceClient::new(acme.admin.client.clone());
    let license = licenses
        .get_license(GetLicenseRequest::default())
        .await
        .expect("seats")
        .into_inner()
        .license;
    license.expect("seats").used_seats
}

#[tokio::test]
async fn what_was_prepared_is_finished_once() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(5, &["analyst"]).await;
    let invitation = invite(&acme, "ada@acme.example").await;
    leave(&suite, &invitation, "state = 'preparing'").await;
    let again = until("the invitation", || get(&acme, &invitation)).await;
    assert_eq!(again.user_id, invitation.user_id);
    assert_eq!(seats_used(&acme).await, 1);
    suite.stop().await;
}

#[tokio::test]
async fn an_acceptance_cut_off_before_the_password_gives_the_link_back() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = invite(&acme, "bob@acme.example").await;
    let token = token_mailed_to(&suite.mails(), "bob@acme.example").await;
    leave(&suite, &invitation, "state = 'accepting'").await;
    accept(&suite.anyone(), &token)
        .await
        .expect("an acceptance");
    suite.stop().await;
}

#[tokio::test]
async fn an_acceptance_cut_off_after_the_password_is_finished() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = invite(&acme, "cleo@acme.example").await;
    let token = token_mailed_to(&suite.mails(), "cleo@acme.example").await;
    accept(&suite.anyone(), &token)
        .await
        .expect("an acceptance");
    leave(&suite, &invitation, "state = 'accepting'").await;
    eventually("the acceptance is finished", || async {
        get(&acme, &invitation)
            .await
            .is_some_and(|found| found.state() == InvitationState::Accepted)
    })
    .await;
    let ask = AcceptInvitationRequest {
        token,
        password: password(),
        ..Default::default()
    };
    assert_refused!(
        invitations(&suite.anyone()).accept_invitation(ask).await,
        "INVITATION_ACCEPTED"
    );
    suite.stop().await;
}

#[tokio::test]
async fn a_declined_invitation_that_nobody_heard_of_frees_its_seat() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(5, &["analyst"]).await;
    let invitation = invite(&acme, "dan@acme.example").await;
    assert_eq!(seats_used(&acme).await, 1);
    leave(&suite, &invitation, "state = 'declined'").await;
    eventually("the seat is free", || async {
        seats_used(&acme).await == 0
    })
    .await;
    let ask = GetUserRequest {
        user_id: invitation.user_id.clone(),
    };
    eventually("the user is gone", || async {
        UserServiceClient::new(acme.admin.client.clone())
            .get_user(ask.clone())
            .await
            .is_err()
    })
    .await;
    // The record of the answer stays until it is deleted.
    assert_eq!(
        get(&acme, &invitation).await.expect("a record").state(),
        InvitationState::Declined
    );
    let ask = RevokeInvitationRequest {
        invitation_id: invitation.id.clone(),
        ..Default::default()
    };
    invitations(&acme.admin.client)
        .revoke_invitation(ask)
        .await
        .expect("a deletion");
    let mut database = suite.database().connect().await;
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM invitation.invitations WHERE email = 'dan@acme.example'",
    )
    .fetch_one(&mut database)
    .await
    .expect("a count");
    assert_eq!(left, 0);
    suite.stop().await;
}

#[tokio::test]
async fn a_revoked_invitation_that_nobody_heard_of_frees_its_seat_and_may_come_again() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(5, &["analyst"]).await;
    let first = invite(&acme, "eve@acme.example").await;
    let old = token_mailed_to(&suite.mails(), "eve@acme.example").await;
    leave(&suite, &first, "revoked = true").await;
    eventually("the seat is free", || async {
        seats_used(&acme).await == 0
    })
    .await;
    // Invited anew, it is the same user; the old link is dead.
    let second = invite(&acme, "Eve@acme.example").await;
    assert_eq!(first.user_id, second.user_id);
    assert_eq!(seats_used(&acme).await, 1);
    let ask = PreviewInvitationRequest { token: old };
    assert_refused!(
        invitations(&suite.anyone()).preview_invitation(ask).await,
        "TOKEN_UNKNOWN"
    );
    suite.stop().await;
}

#[tokio::test]
async fn one_request_twice_at_once_invites_once() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let ask = BatchCreateInvitationsRequest {
        invitations: (0..50)
            .map(|number| acme.draft(&format!("p{number}@acme.example"), &["analyst"]))
            .collect(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let calls = (0..4).map(|_| {
        let (ask, mut client) = (ask.clone(), invitations(&acme.admin.client));
        tokio::spawn(async move { client.batch_create_invitations(ask).await })
    });
    let mut replies = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        replies.push(call.await.expect("a call").expect("a reply").into_inner());
    }
    assert!(
        replies.iter().all(|reply| *reply == replies[0]),
        "the replies differ"
    );
    eventually("all mails", || async {
        suite.mailbox().messages().len() == 51
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        suite.mailbox().messages().len(),
        51,
        "one mail each, and the admin's"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_39_i_02_i_03_an_invitation_expires_at_its_time_and_is_listed_by_state() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    invite(&acme, "old@acme.example").await;
    let token = token_mailed_to(&suite.mails(), "old@acme.example").await;
    suite.time().advance(Duration::from_mins(10079));
    let ask = PreviewInvitationRequest {
        token: token.clone(),
    };
    invitations(&suite.anyone())
        .preview_invitation(ask.clone())
        .await
        .expect("a minute to go");
    // The admin's session did not live that long.
    suite.time().advance(Duration::from_mins(1));
    assert_refused!(
        invitations(&suite.anyone()).preview_invitation(ask).await,
        "INVITATION_EXPIRED"
    );
    let late = AcceptInvitationRequest {
        token,
        password: password(),
        ..Default::default()
    };
    assert_refused!(
        invitations(&suite.anyone()).accept_invitation(late).await,
        "INVITATION_EXPIRED"
    );
    suite.stop().await;
}

#[tokio::test]
async fn i_02_pages_go_forth_and_back_through_all_states() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let mut all = Vec::new();
    for number in 0..7 {
        all.push(invite(&acme, &format!("p{number}@acme.example")).await);
    }
    leave(&suite, &all[5], "state = 'declined'").await;
    leave(&suite, &all[1], "expire_time = now() - interval '1 day'").await;
    let expected: Vec<&str> = [6, 4, 3, 2, 0, 5, 1]
        .map(|at: usize| all[at].email.as_str())
        .into();
    let page = async |page_token: &str| {
        let ask = ListInvitationsRequest {
            page_size: 3,
            page_token: page_token.into(),
            inviter_email: "ADMIN@acme.example".into(),
            ..Default::default()
        };
        let reply = invitations(&acme.admin.client)
            .list_invitations(ask)
            .await
            .expect("a page")
            .into_inner();
        assert_eq!(reply.total_size, 7);
        reply
    };
    let first = page("").await;
    let second = page(&first.next_page_token).await;
    let third = page(&second.next_page_token).await;
    let seen =
        [&first, &second, &third].map(|page| page.invitations.iter().map(|one| one.email.as_str()));
    assert_eq!(seen.into_iter().flatten().collect::<Vec<_>>(), expected);
    assert!(third.next_page_token.is_empty() && first.previous_page_token.is_empty());
    let back = page(&third.previous_page_token).await;
    assert_eq!(back.invitations, second.invitations);
    assert_eq!(
        page(&back.previous_page_token).await.invitations,
        first.invitations
    );
    let user = UserServiceClient::new(acme.admin.client.clone())
        .get_user(GetUserRequest {
            user_id: all[0].user_id.clone(),
        })
        .await;
    assert_eq!(
        user.expect("a user")
            .into_inner()
            .user
            .expect("a user")
            .status(),
        UserStatus::Invited
    );
    suite.stop().await;
}

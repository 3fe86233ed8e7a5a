//! Invitations that a crash left in the middle. The rows are put where a
//! killed process would have left them.

use std::time::{Duration, Instant};

use contract::identity::{GetUserRequest, user_service_client::UserServiceClient};
use contract::invitation::{
    AcceptInvitationRequest, GetInvitationRequest, Invitation, InvitationState,
    PreviewInvitationRequest, RevokeInvitationRequest,
};
use contract::licensing::{GetLicenseRequest, license_service_client::LicenseServiceClient};
use testkit::{eventually, until};
use usher_tests::{Company, Suite, accept, invitations, password, sign_in, token_mailed_to};
use uuid::Uuid;

use crate::assert_refused;

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
    let invitation = acme.invite("ada@acme.example").await.unwrap();
    suite
        .leave_invitation(&invitation, "state = 'preparing'")
        .await;
    let again = until("the invitation", || get(&acme, &invitation)).await;
    assert_eq!(again.user_id, invitation.user_id);
    assert_eq!(seats_used(&acme).await, 1);
    suite.stop().await;
}

#[tokio::test]
async fn an_acceptance_cut_off_before_the_password_gives_the_link_back() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = acme.invite("bob@acme.example").await.unwrap();
    let token = token_mailed_to(&suite.mails(), "bob@acme.example").await;
    suite
        .leave_invitation(&invitation, "state = 'accepting'")
        .await;
    accept(&suite.anyone(), &token)
        .await
        .expect("an acceptance");
    suite.stop().await;
}

#[tokio::test]
async fn an_acceptance_cut_off_after_the_password_is_finished() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = acme.invite("cleo@acme.example").await.unwrap();
    let token = token_mailed_to(&suite.mails(), "cleo@acme.example").await;
    accept(&suite.anyone(), &token)
        .await
        .expect("an acceptance");
    suite
        .leave_invitation(&invitation, "state = 'accepting'")
        .await;
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
async fn whoever_comes_back_with_another_password_is_not_told_that_it_was_set() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = acme.invite("fay@acme.example").await.unwrap();
    let token = token_mailed_to(&suite.mails(), "fay@acme.example").await;
    let first = accept(&suite.anyone(), &token)
        .await
        .expect("an acceptance");
    suite
        .leave_invitation(&invitation, "state = 'accepting'")
        .await;
    let other = AcceptInvitationRequest {
        token,
        password: password(),
        ..Default::default()
    };
    assert_refused!(
        invitations(&suite.anyone()).accept_invitation(other).await,
        "INVITATION_ACCEPTED"
    );
    sign_in(&suite.anyone(), "acme", "fay@acme.example", &first.password)
        .await
        .expect("the first password");
    suite.stop().await;
}

#[tokio::test]
async fn a_declined_invitation_that_nobody_heard_of_frees_its_seat() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(5, &["analyst"]).await;
    let invitation = acme.invite("dan@acme.example").await.unwrap();
    assert_eq!(seats_used(&acme).await, 1);
    suite
        .leave_invitation(&invitation, "state = 'declined'")
        .await;
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
    let first = acme.invite("eve@acme.example").await.unwrap();
    let old = token_mailed_to(&suite.mails(), "eve@acme.example").await;
    suite.leave_invitation(&first, "revoked = true").await;
    eventually("the seat is free", || async {
        seats_used(&acme).await == 0
    })
    .await;
    // Invited anew, it is the same user; the old link is dead.
    let second = acme.invite("Eve@acme.example").await.unwrap();
    assert_eq!(first.user_id, second.user_id);
    assert_eq!(seats_used(&acme).await, 1);
    let ask = PreviewInvitationRequest { token: old };
    assert_refused!(
        invitations(&suite.anyone()).preview_invitation(ask).await,
        "TOKEN_UNKNOWN"
    );
    suite.stop().await;
}

/// Who is at work on an invitation, or was last.
async fn lease(suite: &Suite, invitation: &Invitation) -> Option<Uuid> {
    let sql = "SELECT lease_token FROM invitation.invitations WHERE id = $1";
    sqlx::query_scalar(sql)
        .bind(invitation.id.parse::<Uuid>().expect("an id"))
        .fetch_one(&mut suite.database().connect().await)
        .await
        .expect("a lease")
}

#[tokio::test]
async fn while_a_peer_is_away_it_is_asked_now_and_then() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let invitation = acme.invite("gil@acme.example").await.unwrap();
    // Authorization says of a tenant without roles: try again later.
    let change = "state = 'preparing', tenant_id = gen_random_uuid()";
    suite.leave_invitation(&invitation, change).await;
    let mut last = lease(&suite, &invitation).await;
    let begun = Instant::now();
    for _ in 0..3 {
        last = until("another try", || async {
            let now = lease(&suite, &invitation).await;
            (now != last).then_some(now)
        })
        .await;
    }
    // Two pauses lie between three tries.
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(3), "three tries in {took:?}");
    suite.stop().await;
}

//! What else is done to many (U-13), and watching it.

use contract::identity::{
    BulkAction, BulkOperationState, BulkOutcome, LockUserRequest, WatchBulkOperationRequest,
    user_service_client::UserServiceClient,
};
use sqlx::Connection as _;
use testkit::until;
use usher_tests::{Suite, token_mailed_to};

use super::{begin, bulk, ended, get, hold, named, people, progress, told};
use crate::factors::{enrolled, factors, strict};

#[tokio::test]
async fn u_13_the_factors_of_many_are_reset() {
    let (suite, acme) = strict(&[]).await;
    let admin = &acme.admin.client;
    let (_, ada) = enrolled(&acme, "ada@acme.example").await;
    let without = acme
        .user("bob@acme.example", "a password that is new")
        .await;
    let ids = [ada.user_id.as_str(), &without, &acme.admin.user_id];
    let begun = begin(admin, BulkAction::ResetFactors, named(&ids)).await;
    let operation = ended(admin, &begun.expect("begun").id).await;
    assert_eq!(operation.state(), BulkOperationState::Done);
    assert_eq!(
        told(admin, &operation.id).await,
        [
            (BulkOutcome::Done, String::new()),
            (BulkOutcome::Skipped, String::new()),
            (BulkOutcome::Skipped, "OWN_ACCOUNT".to_owned()),
        ]
    );
    let left = factors(admin, &ada.user_id).await;
    assert_eq!((left.factors.len(), left.recovery_codes_left), (0, 0));
    suite.stop().await;
}

#[tokio::test]
async fn u_13_invitations_are_sent_again_to_many() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let (admin, mails) = (&acme.admin.client, suite.mails());
    let mut ids = Vec::new();
    for email in ["p0@guest.example", "p1@guest.example"] {
        ids.push(acme.invite(email).await.expect("invited").user_id);
        token_mailed_to(&mails, email).await;
    }
    ids.push(
        acme.user("here@acme.example", "a password that is new")
            .await,
    );
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let again = async || {
        let begun = begin(admin, BulkAction::ResendInvitation, named(&ids)).await;
        let operation = ended(admin, &begun.expect("begun").id).await;
        assert_eq!(operation.state(), BulkOperationState::Done);
        told(admin, &operation.id).await
    };
    let here = (BulkOutcome::Skipped, "INVITATION_NOT_FOUND".to_owned());
    let sent = (BulkOutcome::Done, String::new());
    assert_eq!(again().await, [sent.clone(), sent, here.clone()]);
    for email in ["p0@guest.example", "p1@guest.example"] {
        until("the second mail", || async {
            let sent = mails.to(email).await.expect("mails");
            (sent.len() == 2).then_some(())
        })
        .await;
    }
    again().await;
    let enough = (BulkOutcome::Refused, "TOO_MANY_MAILS".to_owned());
    assert_eq!(again().await, [enough.clone(), enough, here]);
    suite.stop().await;
}

#[tokio::test]
async fn u_13_b_17_whoever_is_locked_does_nothing_more() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let bad = acme.member("bad@acme.example", "admin").await;
    let ids = people(&acme, "victims.example", 4).await;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let held = hold(&suite, ids[1]).await;
    let begun = begin(&bad.client, BulkAction::Delete, named(&ids)).await;
    let begun = begun.expect("begun");
    let admin = &acme.admin.client;
    until("the first of them", || async {
        (progress(&get(admin, &begun.id).await).1 == 1).then_some(())
    })
    .await;
    // Authorization hears nothing of a lock.
    let ask = LockUserRequest {
        user_id: bad.user_id.clone(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(admin.clone());
    users.lock_user(ask).await.expect("locked");
    held.close().await.expect("the lock is gone");
    let operation = ended(admin, &begun.id).await;
    assert_eq!(operation.state(), BulkOperationState::Denied);
    // The one that was under way was decided over before.
    assert!(progress(&operation).1 <= 2, "{operation:?}");
    suite.stop().await;
}

#[tokio::test]
async fn u_13_an_operation_is_watched_until_its_end() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let ids = people(&acme, "seen.example", 3).await;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let held = hold(&suite, ids[2]).await;
    let begun = begin(admin, BulkAction::Disable, named(&ids)).await;
    let ask = WatchBulkOperationRequest {
        bulk_operation_id: begun.expect("begun").id,
    };
    let stream = bulk(admin).watch_bulk_operation(ask).await;
    let mut stream = stream.expect("a stream").into_inner();
    let mut held = Some(held);
    let mut last = None;
    while let Some(seen) = stream.message().await.expect("an answer") {
        let operation = seen.bulk_operation.expect("an operation");
        if progress(&operation).1 == 2
            && let Some(held) = held.take()
        {
            assert_eq!(operation.end_time, None);
            held.close().await.expect("the lock is gone");
        }
        last = Some(operation);
    }
    let last = last.expect("an operation");
    assert_eq!(last.state(), BulkOperationState::Done);
    assert_eq!(progress(&last), (3, 3, 0, 0));
    suite.stop().await;
}

//! Seats.

use contract::authorization::{
    DeleteRoleBindingRequest, ListRoleBindingsRequest,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::{DisableUserRequest, user_service_client::UserServiceClient};
use contract::licensing::{
    GetLicenseRequest, License, ListSeatsRequest, UpdateLicenseRequest,
    license_service_client::LicenseServiceClient,
};
use testkit::{eventually, refusal};
use usher_tests::{Company, Suite, password, suite::MANY_CALLS};

use crate::assert_refused;

async fn license(acme: &Company) -> License {
    let mut licenses = LicenseServiceClient::new(acme.admin.client.clone());
    licenses
        .get_license(GetLicenseRequest {})
        .await
        .expect("the licence")
        .into_inner()
        .license
        .expect("a licence")
}

#[tokio::test]
async fn a_10_a_11_a_12_seats_follow_licensed_roles() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    acme.license(2, &["analyst"]).await;
    let [ada, ben, cy] = ["ada", "ben", "cy"].map(|name| format!("{name}@acme.example"));
    let ada = acme.user(&ada, &password()).await;
    let ben = acme.user(&ben, &password()).await;
    let cy = acme.user(&cy, &password()).await;
    acme.grant(&ada, "analyst", "").await.unwrap();
    acme.grant(&ben, "analyst", "").await.unwrap();
    let refused = acme.grant(&cy, "analyst", "").await;
    assert_refused!(refused, "SEATS_EXHAUSTED");
    acme.grant(&cy, "standard user", "")
        .await
        .expect("an unlicensed role needs no seat");
    // Another licensed role for the same person uses no second seat.
    let (project, _) = acme.project("One").await;
    acme.grant(&ada, "analyst", &project)
        .await
        .expect("the seat that she has");
    assert_eq!(license(&acme).await.used_seats, 2);

    let ask = DisableUserRequest {
        user_id: ada.clone(),
        ..Default::default()
    };
    UserServiceClient::new(acme.admin.client.clone())
        .disable_user(ask)
        .await
        .unwrap();
    eventually("the disabled user's seat to be marked", || async {
        let mut licenses = LicenseServiceClient::new(acme.admin.client.clone());
        let seats = licenses
            .list_seats(ListSeatsRequest::default())
            .await
            .unwrap()
            .into_inner()
            .seats;
        seats
            .iter()
            .any(|seat| seat.user_id == ada && seat.suspended)
    })
    .await;
    assert_eq!(
        license(&acme).await.used_seats,
        2,
        "disabled users keep counting"
    );

    let mut bindings = RoleBindingServiceClient::new(acme.admin.client.clone());
    let ask = ListRoleBindingsRequest {
        user_id: ada.clone(),
        ..Default::default()
    };
    for (left, binding) in bindings
        .list_role_bindings(ask)
        .await
        .unwrap()
        .into_inner()
        .bindings
        .iter()
        .enumerate()
    {
        assert_eq!(
            license(&acme).await.used_seats,
            2,
            "{left} licensed roles of two are gone"
        );
        let ask = DeleteRoleBindingRequest {
            binding_id: binding.id.clone(),
            ..Default::default()
        };
        bindings.delete_role_binding(ask).await.unwrap();
    }
    assert_eq!(license(&acme).await.used_seats, 1);
    let mut operator = LicenseServiceClient::new(acme.operator.clone());
    assert_refused!(
        operator
            .update_license(UpdateLicenseRequest::default())
            .await,
        "SEATS_IN_USE"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_29_a_thousand_grants_at_once_sell_a_hundred_seats() {
    let suite = Suite::start_with(&MANY_CALLS).await;
    let acme = suite.company("acme").await;
    acme.license(100, &["analyst"]).await;
    let people = people(&acme, 250).await;
    // Each person is granted the role four times over: it stays one seat.
    let grants = (0..1000).map(|number| {
        let (user, role) = (
            people[number % people.len()].clone(),
            acme.roles["analyst"].clone(),
        );
        let bindings = RoleBindingServiceClient::new(acme.admin.client.clone());
        tokio::spawn(async move {
            let ask = contract::authorization::CreateRoleBindingRequest {
                user_id: user,
                role_id: role,
                ..Default::default()
            };
            // A thousand at once are more than five connections take: callers
            // come again, as they are told.
            let grant = || {
                let (mut bindings, ask) = (bindings.clone(), ask.clone());
                async move { bindings.create_role_binding(ask).await }
            };
            usher_tests::demo::again(grant).await.map(|_| ())
        })
    });
    let mut strange = Vec::new();
    for grant in grants.collect::<Vec<_>>() {
        match grant.await.unwrap() {
            Err(status) if refusal(&status).reason != "SEATS_EXHAUSTED" => strange.push(status),
            _ => {}
        }
    }
    assert!(
        strange.is_empty(),
        "{} refused otherwise, such as {:?}",
        strange.len(),
        strange[0]
    );
    let seats = license(&acme).await;
    let mut licenses = LicenseServiceClient::new(acme.admin.client.clone());
    let held = licenses
        .list_seats(ListSeatsRequest::default())
        .await
        .unwrap()
        .into_inner()
        .total_size;
    assert_eq!(
        (seats.used_seats, held),
        (100, 100),
        "the counter and the holders"
    );
    suite.stop().await;
}

/// Invited people, brought by one call, so that a thousand need no hashing.
async fn people(acme: &Company, count: usize) -> Vec<String> {
    let invitations = (0..count)
        .map(|number| contract::invitation::InvitationDraft {
            without_mail: true,
            ..acme.draft(&format!("p{number}@crowd.example"), &["standard user"])
        })
        .collect();
    let ask = contract::invitation::BatchCreateInvitationsRequest {
        invitations,
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let mut client = contract::invitation::invitation_service_client::InvitationServiceClient::new(
        acme.admin.client.clone(),
    );
    let outcomes = client
        .batch_create_invitations(ask)
        .await
        .expect("people")
        .into_inner()
        .outcomes;
    let ids = outcomes.into_iter().map(|outcome| match outcome.outcome {
        Some(contract::invitation::invitation_outcome::Outcome::Invitation(invitation)) => {
            invitation.user_id
        }
        other => panic!("not invited: {other:?}"),
    });
    ids.collect()
}

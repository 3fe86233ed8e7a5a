//! Seats: exact, whatever happens at once.

use std::collections::BTreeSet;

use contract::authorization::provisioning_service_client::ProvisioningServiceClient;
use contract::authorization::{Grants, ReleaseGrantsRequest, ReserveGrantsRequest, RoleSet};
use contract::identity::User;
use contract::licensing::license_service_client::LicenseServiceClient;
use contract::licensing::{GetLicenseRequest, ListSeatsRequest, UpdateLicenseRequest};
use futures::future::join_all;
use futures::{StreamExt as _, stream};
use rpc::{Caller, Id};
use testkit::refusal;

use crate::caller::As;
use crate::service::World;

/// A stampede may be told to come back.
async fn grant_patiently(by: &As, user: Id<User>, role: &str) -> Result<(String, String), String> {
    loop {
        match by.grant(user, role, "").await {
            Err(reason) if reason == "DEPENDENCY_UNAVAILABLE" => {}
            settled => return settled,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b_29_a_thousand_grants_at_once_sell_a_hundred_seats() {
    let world = World::of(RoleSet::Standard, 2).await;
    world.license(100, &["analyst"]).await.expect("licensed");
    let users = world.members(1_000, "standard user").await;
    let analyst = world.role("analyst").await;
    let operators = [
        world.operator(),
        world.by(1, Caller::system("invitation", world.tenant)),
    ];
    let grants = users
        .iter()
        .enumerate()
        .map(|(n, user)| grant_patiently(&operators[n % 2], *user, &analyst));
    let outcomes = join_all(grants).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        100
    );
    let reasons: BTreeSet<_> = outcomes
        .iter()
        .filter_map(|one| one.as_ref().err())
        .collect();
    assert_eq!(reasons, BTreeSet::from([&"SEATS_EXHAUSTED".to_owned()]));
    assert_eq!(world.seats().await, (100, 100, 100));
}

/// Gives, takes, reserves and releases at random, from both replicas at once;
/// the three ways of counting agree whenever anybody looks.
#[tokio::test(flavor = "multi_thread")]
async fn b_30_seats_do_not_drift() {
    let world = World::of(RoleSet::Standard, 2).await;
    world
        .license(12, &["analyst", "admin"])
        .await
        .expect("licensed");
    let users = world.members(24, "standard user").await;
    // So that nobody below is the last one.
    world.members(1, "admin").await;
    let (analyst, admin) = (world.role("analyst").await, world.role("admin").await);
    let work = users.iter().enumerate().map(|(n, user)| {
        let (world, analyst, admin) = (&world, &analyst, &admin);
        async move {
            let by = world.by(n % 2, Caller::system("invitation", world.tenant));
            for round in 0..12 {
                let first = by
                    .grant(
                        *user,
                        if (n + round) % 2 == 0 { analyst } else { admin },
                        "",
                    )
                    .await;
                let second = by
                    .grant(
                        *user,
                        if (n + round) % 3 == 0 { analyst } else { admin },
                        "",
                    )
                    .await;
                churn(world, n).await;
                for (binding, _) in first.iter().chain(&second) {
                    // The two may be one.
                    let _ = by.revoke(binding).await;
                }
            }
        }
    });
    let looking = async {
        for _ in 0..40 {
            let (counted, held, entitled) = world.seats().await;
            assert!(
                counted == held && held == entitled && counted <= 12,
                "{counted} {held} {entitled}"
            );
        }
    };
    tokio::join!(
        stream::iter(work).buffer_unordered(24).collect::<Vec<()>>(),
        looking
    );
    assert_eq!(world.seats().await, (1, 1, 1));
}

async fn churn(world: &World, n: usize) {
    let mut suite =
        ProvisioningServiceClient::new(world.by(n % 2, Caller::system("invitation", world.tenant)));
    let user_id = Id::<User>::new().to_string();
    let grants = Grants {
        user_id: user_id.clone(),
        role_ids: vec![world.role("admin").await],
        ..Grants::default()
    };
    let asked = ReserveGrantsRequest {
        grants: vec![grants],
    };
    suite.reserve_grants(asked).await.expect("answered");
    suite
        .release_grants(ReleaseGrantsRequest {
            user_ids: vec![user_id],
        })
        .await
        .expect("released");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_12_the_total_never_falls_below_what_is_used() {
    let world = World::of(RoleSet::Standard, 1).await;
    world.license(2, &["analyst"]).await.expect("licensed");
    let users = world.members(2, "analyst").await;
    let mut operator = LicenseServiceClient::new(world.operator());
    let ask = UpdateLicenseRequest {
        total_seats: 1,
        ..Default::default()
    };
    let status = operator
        .update_license(ask)
        .await
        .expect_err("two seats are in use");
    assert_eq!(refusal(&status).reason, "SEATS_IN_USE");
    let (_, read, _) = operator
        .get_license(GetLicenseRequest {})
        .await
        .expect("read")
        .into_parts();
    let license = read.license.expect("a licence");
    assert_eq!(
        (license.total_seats, license.used_seats, license.free_seats),
        (2, 2, 0)
    );
    let ask = UpdateLicenseRequest {
        total_seats: 9,
        etag: "0".into(),
        ..Default::default()
    };
    let status = operator.update_license(ask).await.expect_err("an old etag");
    assert_eq!(refusal(&status).reason, "ETAG_MISMATCH");
    let (_, seats, _) = operator
        .list_seats(ListSeatsRequest::default())
        .await
        .expect("listed")
        .into_parts();
    assert_eq!(seats.total_size, 2);
    let holders: Vec<Id<User>> = seats
        .seats
        .iter()
        .map(|seat| seat.user_id.parse().expect("an id"))
        .collect();
    assert_eq!(holders, users);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_10_licensing_a_role_seats_who_holds_it_or_is_refused() {
    let world = World::of(RoleSet::Standard, 1).await;
    world.members(3, "analyst").await;
    let status = world
        .license(2, &["analyst"])
        .await
        .expect_err("three hold it");
    assert_eq!(refusal(&status).reason, "SEATS_EXHAUSTED");
    assert_eq!(world.seats().await, (0, 0, 0));
    let license = world.license(3, &["analyst"]).await.expect("enough");
    assert_eq!((license.used_seats, license.free_seats), (3, 0));
    let license = world.license(3, &["admin"]).await.expect("nobody holds it");
    assert_eq!((license.used_seats, license.free_seats), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_seats_in_order_and_a_second_time_nobody_more() {
    let world = World::of(RoleSet::Standard, 1).await;
    world.license(2, &["analyst"]).await.expect("licensed");
    let analyst = world.role("analyst").await;
    let grants: Vec<_> = (0..5)
        .map(|n| Grants {
            user_id: Id::<User>::new().to_string(),
            role_ids: if n == 1 {
                Vec::new()
            } else {
                vec![analyst.clone()]
            },
            ..Grants::default()
        })
        .collect();
    let mut suite = ProvisioningServiceClient::new(world.suite());
    for round in 0..2 {
        let ask = ReserveGrantsRequest {
            grants: grants.clone(),
        };
        let (_, reserved, _) = suite
            .reserve_grants(ask)
            .await
            .expect("reserved")
            .into_parts();
        let refused: Vec<_> = reserved
            .outcomes
            .iter()
            .map(|outcome| outcome.refusal.as_str())
            .collect();
        assert_eq!(
            refused,
            ["", "", "", "SEATS_EXHAUSTED", "SEATS_EXHAUSTED"],
            "round {round}"
        );
        assert_eq!(world.seats().await, (2, 2, 2));
    }
}

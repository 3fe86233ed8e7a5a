//! How old a decision may be (A-07; B-31 to B-33).

use std::time::{Duration, Instant};

use contract::authorization::access_service_client::AccessServiceClient;
use contract::authorization::{BatchCheckRequest, CheckItem, CheckRequest, RoleSet};
use rpc::Caller;
use testkit::refusal;

use crate::service::World;

/// The change is made at one replica and asked for at the other, which has it
/// cached and hears of it later.
#[tokio::test(flavor = "multi_thread")]
async fn b_31_no_check_is_older_than_it_was_asked_to_be() {
    let world = World::of(RoleSet::Standard, 2).await;
    let users = world.members(4, "analyst").await;
    // So that nobody below is the last one.
    world.members(1, "admin").await;
    let admin = world.role("admin").await;
    for round in 0..300 {
        let user = users[round % users.len()];
        let (binding, granted) = world
            .operator()
            .grant(user, &admin, "")
            .await
            .expect("given");
        let (allowed, at) = world.check(1, user, "users.delete", "", &granted).await;
        assert!(
            allowed,
            "round {round}: given at {granted}, decided at {at}"
        );
        let revoked = world.operator().revoke(&binding).await.expect("taken");
        let (allowed, at) = world.check(1, user, "users.delete", "", &revoked).await;
        assert!(
            !allowed,
            "round {round}: taken at {revoked}, decided at {at}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b_32_a_check_that_asks_for_nothing_is_a_second_old_at_most() {
    let world = World::of(RoleSet::Standard, 2).await;
    let user = world.members(1, "analyst").await[0];
    world.members(1, "admin").await;
    let admin = world.role("admin").await;
    for _ in 0..5 {
        let (binding, _) = world
            .operator()
            .grant(user, &admin, "")
            .await
            .expect("given");
        let given = Instant::now();
        while !world.check(1, user, "users.delete", "", "").await.0 {
            assert!(given.elapsed() < Duration::from_secs(1));
        }
        world.operator().revoke(&binding).await.expect("taken");
        let taken = Instant::now();
        // Asked all the while: reading must not keep it alive.
        while world.check(1, user, "users.delete", "", "").await.0 {
            assert!(taken.elapsed() < Duration::from_secs(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b_33_a_batch_answers_as_single_checks_do() {
    let world = World::of(RoleSet::Standard, 1).await;
    let users = world.members(3, "analyst").await;
    let (project, _) = world.project("one").await;
    let admin = world.role("admin").await;
    let (_, revision) = world
        .operator()
        .grant(users[1], &admin, "")
        .await
        .expect("given");
    let mut items = Vec::new();
    for user in &users {
        for permission in ["alerts.view", "users.delete", "tenants.create", "no.such"] {
            for project_id in ["", &project] {
                let (permission, project_id) = (permission.to_owned(), project_id.to_owned());
                items.push(CheckItem {
                    user_id: user.to_string(),
                    permission,
                    project_id,
                });
            }
        }
    }
    for _ in 0..2 {
        let mut access =
            AccessServiceClient::new(world.by(0, Caller::system("gateway", world.tenant)));
        let ask = BatchCheckRequest {
            items: items.clone(),
            at_least_revision: revision.clone(),
        };
        let (_, batch, _) = access.batch_check(ask).await.expect("checked").into_parts();
        assert_eq!(
            batch.allowed.iter().filter(|allowed| **allowed).count(),
            3 + 3
        );
        for (item, allowed) in items.iter().zip(batch.allowed) {
            let user = item.user_id.parse().expect("an id");
            let (single, _) = world
                .check(0, user, &item.permission, &item.project_id, "")
                .await;
            assert_eq!(single, allowed, "{item:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_07_a_revision_that_never_was_is_refused() {
    let world = World::of(RoleSet::Standard, 1).await;
    let user = world.members(1, "analyst").await[0];
    let (_, now) = world.check(0, user, "alerts.view", "", "").await;
    let next = (now.parse::<u64>().expect("a number") + 1).to_string();
    for at_least_revision in [next.as_str(), "-1", "abc"] {
        let ask = CheckRequest {
            user_id: user.to_string(),
            permission: "alerts.view".into(),
            at_least_revision: at_least_revision.into(),
            ..Default::default()
        };
        let mut access =
            AccessServiceClient::new(world.by(0, Caller::system("gateway", world.tenant)));
        let status = access.check(ask).await.expect_err("unknown");
        assert_eq!(
            refusal(&status).reason,
            "REVISION_UNKNOWN",
            "{at_least_revision}"
        );
    }
}

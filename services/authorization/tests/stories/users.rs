//! What becomes of what users hold when identity says that something became of
//! them (A-11, U-12; B-27, B-36).

use contract::authorization::RoleSet;
use contract::identity::{Event, User, UserDeleted, UserDisabled, UserEnabled};
use rpc::{Caller, Id};
use testkit::eventually;

use crate::service::World;

async fn publish(world: &World, event: impl Into<Event>) {
    let caller = Caller::system("identity", world.tenant);
    let mut tx = world
        .identity
        .tenant(world.tenant, &caller)
        .await
        .expect("begun");
    tx.publish(event.into());
    tx.done().await.expect("published");
}

async fn may(world: &World, user: Id<User>) -> bool {
    let here = world.check(0, user, "alerts.view", "", "").await.0;
    let there = world.check(1, user, "alerts.view", "", "").await.0;
    here || there
}

#[tokio::test(flavor = "multi_thread")]
async fn a_11_a_disabled_user_may_nothing_and_keeps_the_seat() {
    let world = World::of(RoleSet::Standard, 2).await;
    world.license(1, &["analyst"]).await.expect("licensed");
    let user = world.members(1, "analyst").await[0];
    let user_id = user.to_string();
    assert!(may(&world, user).await);
    publish(
        &world,
        UserDisabled {
            user_id: user_id.clone(),
        },
    )
    .await;
    eventually("both replicas say no", async || !may(&world, user).await).await;
    assert_eq!(world.seats().await, (1, 1, 1));
    let other = world.members(1, "standard user").await[0];
    let analyst = world.role("analyst").await;
    assert_eq!(
        world
            .operator()
            .grant(other, &analyst, "")
            .await
            .unwrap_err(),
        "SEATS_EXHAUSTED"
    );
    publish(
        &world,
        UserEnabled {
            user_id: user_id.clone(),
        },
    )
    .await;
    eventually("the roles hold again", async || may(&world, user).await).await;
    publish(&world, UserDeleted { user_id }).await;
    eventually("the seat is free", async || {
        world.seats().await == (0, 0, 0)
    })
    .await;
    eventually("both replicas say no", async || !may(&world, user).await).await;
    world
        .operator()
        .grant(other, &analyst, "")
        .await
        .expect("there is a seat again");
    let status = world
        .operator()
        .grant(user, &analyst, "")
        .await
        .unwrap_err();
    assert!(
        ["USER_NOT_FOUND", "INTERNAL"].contains(&status.as_str()),
        "{status}"
    );
}

//! Who may give what to whom.

use contract::authorization::{AddGroupMemberRequest, ListGroupsRequest, ListRoleBindingsRequest};
use contract::authorization::{RoleSet, role_binding_service_client::RoleBindingServiceClient};
use contract::identity::User;
use rpc::Id;
use testkit::refusal;

use crate::service::World;

async fn binding_of(world: &World, user: Id<User>) -> String {
    let ask = ListRoleBindingsRequest {
        user_id: user.to_string(),
        ..Default::default()
    };
    let listed = RoleBindingServiceClient::new(world.operator())
        .list_role_bindings(ask)
        .await;
    let (_, listed, _) = listed.expect("listed").into_parts();
    listed.bindings.first().expect("one").id.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_04_a_co_admin_does_not_touch_admins() {
    let world = World::of(RoleSet::Project, 1).await;
    let admin = world.members(2, "admin").await[0];
    let co_admin = world.members(1, "co-admin").await[0];
    let viewer = world.members(1, "viewer").await[0];
    let (admins, co_admins) = (world.role("admin").await, world.role("co-admin").await);
    let as_co_admin = world.user(co_admin);
    assert_eq!(
        as_co_admin.grant(viewer, &admins, "").await.unwrap_err(),
        "EXCEEDS_OWN_PERMISSIONS"
    );
    assert_eq!(
        as_co_admin.grant(co_admin, &admins, "").await.unwrap_err(),
        "EXCEEDS_OWN_PERMISSIONS"
    );
    let held = binding_of(&world, admin).await;
    assert_eq!(
        as_co_admin.revoke(&held).await.unwrap_err(),
        "EXCEEDS_OWN_PERMISSIONS"
    );
    as_co_admin
        .grant(viewer, &co_admins, "")
        .await
        .expect("their own role");
    world
        .user(admin)
        .revoke(&binding_of(&world, co_admin).await)
        .await
        .expect("an admin may");
    assert_eq!(
        as_co_admin.grant(viewer, &co_admins, "").await.unwrap_err(),
        "EXCEEDS_OWN_PERMISSIONS"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_04_a_role_on_one_project_gives_nothing_away_on_another() {
    let world = World::of(RoleSet::Project, 1).await;
    let (here, _) = world.project("here").await;
    let (there, _) = world.project("there").await;
    let users = world.members(2, "viewer").await;
    let admins = world.role("admin").await;
    world
        .operator()
        .grant(users[0], &admins, &here)
        .await
        .expect("an operator may");
    let by = world.user(users[0]);
    by.grant(users[1], &admins, &here).await.expect("held here");
    assert_eq!(
        by.grant(users[1], &admins, &there).await.unwrap_err(),
        "EXCEEDS_OWN_PERMISSIONS"
    );
    assert_eq!(
        by.grant(users[1], &admins, "").await.unwrap_err(),
        "EXCEEDS_OWN_PERMISSIONS"
    );
    let group = default_group(&world).await;
    let ask = AddGroupMemberRequest {
        group_id: group,
        user_id: users[0].to_string(),
        ..Default::default()
    };
    let status = by
        .groups()
        .add_group_member(ask)
        .await
        .expect_err("it opens all projects");
    assert_eq!(refusal(&status).reason, "EXCEEDS_OWN_PERMISSIONS");
}

pub async fn default_group(world: &World) -> String {
    let listed = world
        .operator()
        .groups()
        .list_groups(ListGroupsRequest::default())
        .await;
    let (_, listed, _) = listed.expect("listed").into_parts();
    listed
        .groups
        .into_iter()
        .find(|group| group.default)
        .expect("made with the tenant")
        .id
}

#[tokio::test(flavor = "multi_thread")]
async fn b_35_of_two_last_admins_one_stays() {
    let world = World::of(RoleSet::Standard, 2).await;
    let users = world.members(2, "admin").await;
    let admins = world.role("admin").await;
    let mut held = [
        binding_of(&world, users[0]).await,
        binding_of(&world, users[1]).await,
    ];
    for round in 0..60 {
        let first = world.user(users[0]);
        let second = world.by(1, rpc::Caller::system("invitation", world.tenant));
        let done = tokio::join!(first.revoke(&held[1]), second.revoke(&held[0]));
        let (gone, reason) = match done {
            (Ok(_), Err(reason)) => (1, reason),
            (Err(reason), Ok(_)) => (0, reason),
            both => panic!("round {round}: {both:?}"),
        };
        assert!(
            ["LAST_ADMIN", "EXCEEDS_OWN_PERMISSIONS"].contains(&reason.as_str()),
            "{reason}"
        );
        (held[gone], _) = world
            .operator()
            .grant(users[gone], &admins, "")
            .await
            .expect("given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_tenants_is_not_found() {
    let world = World::of(RoleSet::Standard, 1).await;
    let user = world.members(1, "analyst").await[0];
    let nothing = Id::<User>::new().to_string();
    let by = world.operator();
    assert_eq!(
        by.grant(user, &nothing, "").await.unwrap_err(),
        "ROLE_NOT_FOUND"
    );
    let analyst = world.role("analyst").await;
    assert_eq!(
        by.grant(user, &analyst, &nothing).await.unwrap_err(),
        "PROJECT_NOT_FOUND"
    );
    assert_eq!(by.revoke(&nothing).await.unwrap_err(), "BINDING_NOT_FOUND");
    let (first, _) = by.grant(user, &analyst, "").await.expect("held already");
    assert_eq!(first, binding_of(&world, user).await);
}

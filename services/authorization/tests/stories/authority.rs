//! Who may decide over whom, and what an inviter's word is worth.

use contract::authorization::provisioning_service_client::ProvisioningServiceClient;
use contract::authorization::role_binding_service_client::RoleBindingServiceClient;
use contract::authorization::{
    ActivateGrantsRequest, AuthorizeUserChangeRequest, Grants, ListRoleBindingsRequest,
    ReserveGrantsRequest, RoleSet,
};
use contract::identity::{Event, User, UserDisabled};
use rpc::{Caller, Id};
use testkit::{eventually, refusal};

use crate::caller::As;
use crate::service::World;

/// Identity or invitation, for somebody.
fn behalf_of(world: &World, user: Id<User>) -> ProvisioningServiceClient<As> {
    let caller = Caller::acting("identity", world.tenant, Some(user));
    ProvisioningServiceClient::new(world.by(0, caller))
}

/// Asks to change a user, or to disable or delete one; the reason of a refusal.
async fn ask(world: &World, by: Id<User>, user: Id<User>, leaves: bool) -> Result<(), String> {
    let ask = AuthorizeUserChangeRequest {
        user_id: user.to_string(),
        leaves,
    };
    let asked = behalf_of(world, by).authorize_user_change(ask).await;
    asked.map(|_| ()).map_err(|status| refusal(&status).reason)
}

/// Somebody invites somebody as these roles.
async fn invite(world: &World, by: Id<User>, roles: &[&str]) -> Id<User> {
    let invitee = Id::new();
    let mut role_ids = Vec::new();
    for role in roles {
        role_ids.push(world.role(role).await);
    }
    let grants = vec![Grants {
        user_id: invitee.to_string(),
        role_ids,
        default_group: true,
        ..Grants::default()
    }];
    let reserved = behalf_of(world, by)
        .reserve_grants(ReserveGrantsRequest { grants })
        .await;
    let (_, reserved, _) = reserved.expect("reserved").into_parts();
    assert_eq!(reserved.outcomes[0].refusal, "");
    invitee
}

/// The invitee accepts.
async fn accept(world: &World, by: Id<User>, home: &str, invitee: Id<User>) {
    let ask = ActivateGrantsRequest {
        user_id: invitee.to_string(),
        grantor_user_id: by.to_string(),
        grantor_home_tenant_id: home.to_owned(),
    };
    let mut suite = behalf_of(world, invitee);
    suite.activate_grants(ask).await.expect("activated");
}

async fn bindings(world: &World, user: Id<User>) -> usize {
    let ask = ListRoleBindingsRequest {
        user_id: user.to_string(),
        ..Default::default()
    };
    let listed = RoleBindingServiceClient::new(world.operator())
        .list_role_bindings(ask)
        .await;
    listed.expect("listed").into_inner().bindings.len()
}

async fn disable(world: &World, user: Id<User>) {
    let caller = Caller::system("identity", world.tenant);
    let begun = world.identity.tenant(world.tenant, &caller).await;
    let mut tx = begun.expect("begun");
    tx.publish(Event::from(UserDisabled {
        user_id: user.to_string(),
    }));
    tx.done().await.expect("published");
    eventually("the event is heard", async || {
        !world.check(0, user, "users.view", "", "").await.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_04_an_invitation_does_not_outlive_the_fall_of_its_inviter() {
    let world = World::of(RoleSet::Project, 1).await;
    world.license(9, &["admin"]).await.expect("licensed");
    let admins = world.members(4, "admin").await;
    let invitee = invite(&world, admins[1], &["admin"]).await;
    disable(&world, admins[1]).await;
    accept(&world, admins[1], "", invitee).await;
    assert!(!world.check(0, invitee, "users.view", "", "").await.0);
    assert_eq!(bindings(&world, invitee).await, 0);
    assert_eq!(world.seats().await, (4, 4, 4), "the seat is free");

    // One who is less than they were gives what they still have.
    let invitee = invite(&world, admins[2], &["admin", "viewer"]).await;
    let held = ListRoleBindingsRequest {
        user_id: admins[2].to_string(),
        ..Default::default()
    };
    let mut operator = RoleBindingServiceClient::new(world.operator());
    let held = operator.list_role_bindings(held).await.expect("listed");
    let held = held.into_inner().bindings.remove(0).id;
    let viewers = world.role("viewer").await;
    let grant = world.operator().grant(admins[2], &viewers, "").await;
    grant.expect("a lesser role");
    world.operator().revoke(&held).await.expect("demoted");
    accept(&world, admins[2], "", invitee).await;
    assert!(world.check(0, invitee, "users.view", "", "").await.0);
    assert!(!world.check(0, invitee, "users.delete", "", "").await.0);
    assert_eq!(bindings(&world, invitee).await, 1);

    // Nobody fell: all of it.
    let invitee = invite(&world, admins[3], &["admin", "viewer"]).await;
    accept(&world, admins[3], "", invitee).await;
    assert!(world.check(0, invitee, "users.delete", "", "").await.0);
    assert_eq!(bindings(&world, invitee).await, 2);
}

/// From the moment at which identity was let go, not from when it is heard of.
#[tokio::test(flavor = "multi_thread")]
async fn a_04_b_41_who_is_let_go_gives_nothing_any_more() {
    let world = World::of(RoleSet::Project, 1).await;
    let admins = world.members(2, "admin").await;
    let invitee = invite(&world, admins[1], &["admin"]).await;
    ask(&world, admins[0], admins[1], true)
        .await
        .expect("may go");
    accept(&world, admins[1], "", invitee).await;
    assert_eq!(bindings(&world, invitee).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_04_who_operates_the_platform_no_more_makes_no_admins() {
    let world = World::of(RoleSet::Standard, 1).await;
    let admin = world.members(1, "admin").await[0];
    let invitee = invite(&world, admin, &["admin"]).await;
    // A stranger from a tenant that has no roles at all.
    accept(&world, Id::new(), &Id::<User>::new().to_string(), invitee).await;
    assert_eq!(bindings(&world, invitee).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_04_a_co_admin_does_not_decide_over_admins() {
    let world = World::of(RoleSet::Project, 1).await;
    let admins = world.members(2, "admin").await;
    let co_admins = world.members(2, "co-admin").await;
    let viewer = world.members(1, "viewer").await[0];
    for leaves in [false, true] {
        let refused = ask(&world, co_admins[0], admins[0], leaves).await;
        assert_eq!(refused.unwrap_err(), "EXCEEDS_OWN_PERMISSIONS");
        let allowed = ask(&world, co_admins[0], viewer, leaves).await;
        allowed.expect("a viewer may do less");
        let allowed = ask(&world, co_admins[0], co_admins[1], leaves).await;
        allowed.expect("a co-admin may do as much");
    }
    // One who only waits to be an admin is out of reach too.
    let invitee = invite(&world, admins[0], &["admin"]).await;
    let refused = ask(&world, co_admins[0], invitee, false).await;
    assert_eq!(refused.unwrap_err(), "EXCEEDS_OWN_PERMISSIONS");
    ask(&world, admins[0], invitee, true)
        .await
        .expect("an admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn b_35_two_admins_do_not_remove_each_other() {
    let world = World::of(RoleSet::Standard, 1).await;
    let admins = world.members(2, "admin").await;
    for round in 0..40 {
        let both = tokio::join!(
            ask(&world, admins[0], admins[1], true),
            ask(&world, admins[1], admins[0], true),
        );
        let (gone, reason) = match both {
            (Ok(()), Err(reason)) => (1, reason),
            (Err(reason), Ok(())) => (0, reason),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(reason, "LAST_ADMIN");
        let held = ListRoleBindingsRequest {
            user_id: admins[1 - gone].to_string(),
            ..Default::default()
        };
        let mut operator = RoleBindingServiceClient::new(world.operator());
        let held = operator.list_role_bindings(held).await.expect("listed");
        let held = &held.into_inner().bindings[0].id;
        let refused = world.operator().revoke(held).await.unwrap_err();
        assert_eq!(refused, "LAST_ADMIN", "the other one is as good as gone");
        let sql = "UPDATE subjects SET leave_time = NULL";
        let undone = sqlx::query(sql).execute(&mut world.tables().await).await;
        undone.expect("as it was");
    }
}

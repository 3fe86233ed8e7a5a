//! Projects and the Default Group.

use contract::authorization::project_service_client::ProjectServiceClient;
use contract::authorization::{
    AddGroupMemberRequest, GetProjectRequest, ListProjectsRequest, RemoveGroupMemberRequest,
    RoleSet,
};
use contract::identity::User;
use rpc::Id;
use testkit::refusal;

use crate::grants::default_group;
use crate::service::World;

async fn join(world: &World, user: Id<User>) -> String {
    let ask = AddGroupMemberRequest {
        group_id: default_group(world).await,
        user_id: user.to_string(),
        ..Default::default()
    };
    let (_, joined, _) = world
        .operator()
        .groups()
        .add_group_member(ask)
        .await
        .expect("joined")
        .into_parts();
    joined.revision
}

async fn leave(world: &World, user: Id<User>) -> String {
    let ask = RemoveGroupMemberRequest {
        group_id: default_group(world).await,
        user_id: user.to_string(),
        ..Default::default()
    };
    let (_, left, _) = world
        .operator()
        .groups()
        .remove_group_member(ask)
        .await
        .expect("left")
        .into_parts();
    left.revision
}

/// The names of the projects that a user sees, one a page, forth and back.
async fn projects(world: &World, user: Id<User>) -> Vec<String> {
    let mut client = ProjectServiceClient::new(world.user(user));
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    let (mut page_token, mut last) = (String::new(), String::new());
    loop {
        let ask = ListProjectsRequest {
            page_size: 1,
            page_token,
        };
        let (_, page, _) = client
            .list_projects(ask)
            .await
            .expect("listed")
            .into_parts();
        forth.extend(page.projects.into_iter().map(|project| project.name));
        if page.next_page_token.is_empty() {
            assert_eq!(page.total_size, forth.len() as u64);
            break;
        }
        last.clone_from(&page.next_page_token);
        page_token = page.next_page_token;
    }
    while !last.is_empty() {
        let ask = ListProjectsRequest {
            page_size: 1,
            page_token: last,
        };
        let (_, page, _) = client
            .list_projects(ask)
            .await
            .expect("listed")
            .into_parts();
        back.splice(0..0, page.projects.into_iter().map(|project| project.name));
        last = page.previous_page_token;
    }
    assert!(forth.len() < 2 || forth == back, "{forth:?} {back:?}");
    forth
}

#[tokio::test(flavor = "multi_thread")]
async fn a_08_the_default_group_opens_all_projects_and_leaving_keeps_the_old_ones() {
    let world = World::of(RoleSet::Standard, 1).await;
    let user = world.members(1, "standard user").await[0];
    let (old, made) = world.project("Alpha").await;
    assert!(world.check(0, user, "alerts.view", "", &made).await.0);
    assert!(!world.check(0, user, "alerts.view", &old, &made).await.0);
    assert_eq!(projects(&world, user).await, Vec::<String>::new());
    let joined = join(&world, user).await;
    assert!(world.check(0, user, "alerts.view", &old, &joined).await.0);
    let (new, made) = world.project("beta").await;
    assert!(
        world.check(0, user, "alerts.view", &new, &made).await.0,
        "at once"
    );
    let left = leave(&world, user).await;
    let (newest, made) = world.project("Gamma").await;
    for (project, expected) in [(&old, true), (&new, true), (&newest, false)] {
        assert_eq!(
            world.check(0, user, "alerts.view", project, &made).await.0,
            expected
        );
    }
    assert_eq!(projects(&world, user).await, ["Alpha", "beta"]);
    let again = join(&world, user).await;
    assert!(world.check(0, user, "alerts.view", &newest, &again).await.0);
    assert_eq!(projects(&world, user).await, ["Alpha", "beta", "Gamma"]);
    let revisions = [made, left, again].map(|revision| revision.parse::<u64>().expect("a number"));
    assert!(revisions[1] < revisions[0] && revisions[0] < revisions[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_03_a_role_on_a_project_is_held_there_alone() {
    let world = World::of(RoleSet::Project, 1).await;
    let user = world.members(1, "viewer").await[0];
    let ((here, _), (there, made)) = (world.project("here").await, world.project("there").await);
    assert!(
        !world
            .check(0, user, "agents.name.view", &here, &made)
            .await
            .0,
        "not reached"
    );
    let co_admin = world.role("co-admin").await;
    let (binding, granted) = world
        .operator()
        .grant(user, &co_admin, &here)
        .await
        .expect("given");
    for (permission, project, expected) in [
        ("users.delete", here.as_str(), true),
        ("users.delete", "", false),
        ("users.delete", &there, false),
        ("agents.name.view", &here, true),
        ("agents.name.view", &there, false),
        ("nobody.registered.this", &here, false),
    ] {
        assert_eq!(
            world.check(0, user, permission, project, &granted).await.0,
            expected,
            "{permission} on {project}"
        );
    }
    assert_eq!(projects(&world, user).await, ["here"]);
    let ask = GetProjectRequest { project_id: there };
    let status = ProjectServiceClient::new(world.user(user))
        .get_project(ask)
        .await
        .expect_err("not reached");
    assert_eq!(refusal(&status).reason, "PROJECT_NOT_FOUND");
    let revoked = world.operator().revoke(&binding).await.expect("taken");
    assert!(
        !world
            .check(0, user, "agents.name.view", &here, &revoked)
            .await
            .0
    );
}

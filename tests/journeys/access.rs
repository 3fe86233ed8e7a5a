//! Roles, projects, groups, checks.

use contract::authorization::{
    AddGroupMemberRequest, BatchCheckRequest, CheckItem, CheckRequest, DeleteRoleBindingRequest,
    ListRoleBindingsRequest, RemoveGroupMemberRequest, RoleSet,
    access_service_client::AccessServiceClient, group_service_client::GroupServiceClient,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::MfaPolicy;
use usher_tests::{Company, Suite};

use crate::assert_refused;

async fn allowed(
    acme: &Company,
    user: &str,
    permission: &str,
    project: &str,
    revision: &str,
) -> bool {
    let ask = CheckRequest {
        user_id: user.into(),
        permission: permission.into(),
        project_id: project.into(),
        at_least_revision: revision.into(),
    };
    AccessServiceClient::new(acme.admin.client.clone())
        .check(ask)
        .await
        .expect("a decision")
        .into_inner()
        .allowed
}

async fn binding_of(acme: &Company, user_id: &str) -> String {
    let ask = ListRoleBindingsRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut bindings = RoleBindingServiceClient::new(acme.admin.client.clone());
    bindings
        .list_role_bindings(ask)
        .await
        .expect("bindings")
        .into_inner()
        .bindings[0]
        .id
        .clone()
}

#[tokio::test]
async fn a_02_each_role_set_is_ready_at_creation() {
    let suite = Suite::start().await;
    let sets = [
        (RoleSet::Standard, vec!["admin", "analyst", "standard user"]),
        (RoleSet::Platform, vec!["platform"]),
        (
            RoleSet::Organization,
            vec![
                "organization admin",
                "organization billing admin",
                "organization user",
                "organization view only admin",
            ],
        ),
        (
            RoleSet::Project,
            vec!["admin", "asset manager", "co-admin", "viewer"],
        ),
    ];
    for (number, (set, wanted)) in sets.into_iter().enumerate() {
        let company = suite
            .company_with(&format!("set-{number}"), set, MfaPolicy::Optional)
            .await;
        let mut names: Vec<_> = company.roles.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, wanted);
    }
    suite.stop().await;
}

#[tokio::test]
async fn a_07_b_31_a_check_at_a_revision_knows_of_the_change() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let user = acme
        .user("rev@acme.example", &usher_tests::password())
        .await;
    for _ in 0..20 {
        let given = acme.grant(&user, "analyst", "").await.expect("a role");
        assert!(
            allowed(&acme, &user, "projects.view", "", &given).await,
            "a grant is not seen at its revision"
        );
        let ask = DeleteRoleBindingRequest {
            binding_id: binding_of(&acme, &user).await,
            ..Default::default()
        };
        let mut bindings = RoleBindingServiceClient::new(acme.admin.client.clone());
        let taken = bindings
            .delete_role_binding(ask)
            .await
            .expect("taken away")
            .into_inner()
            .revision;
        assert!(
            !allowed(&acme, &user, "projects.view", "", &taken).await,
            "a removal is not seen at its revision"
        );
    }
    let ask = CheckRequest {
        user_id: user,
        permission: "projects.view".into(),
        at_least_revision: "999999999".into(),
        ..Default::default()
    };
    let refused = AccessServiceClient::new(acme.admin.client.clone())
        .check(ask)
        .await;
    assert_refused!(refused, "REVISION_UNKNOWN");
    suite.stop().await;
}

#[tokio::test]
async fn a_08_the_default_group_reaches_all_projects_and_leaving_keeps_them() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let user = acme
        .user("gus@acme.example", &usher_tests::password())
        .await;
    let given = acme.grant(&user, "analyst", "").await.unwrap();
    let (old, _) = acme.project("Old").await;
    assert!(
        !allowed(&acme, &user, "projects.view", &old, &given).await,
        "reached without the group"
    );
    let mut groups = GroupServiceClient::new(acme.admin.client.clone());
    let group_id = acme.default_group().await;
    let ask = AddGroupMemberRequest {
        group_id: group_id.clone(),
        user_id: user.clone(),
        ..Default::default()
    };
    let joined = groups
        .add_group_member(ask)
        .await
        .unwrap()
        .into_inner()
        .revision;
    assert!(
        allowed(&acme, &user, "projects.view", &old, &joined).await,
        "an old project is not reached"
    );
    let (new, created) = acme.project("New").await;
    assert!(
        allowed(&acme, &user, "projects.view", &new, &created).await,
        "a new project is not reached"
    );
    let ask = RemoveGroupMemberRequest {
        group_id,
        user_id: user.clone(),
        ..Default::default()
    };
    let left = groups
        .remove_group_member(ask)
        .await
        .unwrap()
        .into_inner()
        .revision;
    let (later, created) = acme.project("Later").await;
    assert!(
        allowed(&acme, &user, "projects.view", &old, &left).await,
        "leaving took a project away"
    );
    assert!(
        allowed(&acme, &user, "projects.view", &new, &left).await,
        "leaving took a project away"
    );
    assert!(
        !allowed(&acme, &user, "projects.view", &later, &created).await,
        "a later project is reached"
    );
    suite.stop().await;
}

#[tokio::test]
async fn a_03_a_role_on_a_project_holds_there_only() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let user = acme
        .user("pia@acme.example", &usher_tests::password())
        .await;
    let (here, _) = acme.project("Here").await;
    let (there, _) = acme.project("There").await;
    let revision = acme.grant(&user, "analyst", &here).await.unwrap();
    assert!(allowed(&acme, &user, "projects.view", &here, &revision).await);
    assert!(!allowed(&acme, &user, "projects.view", &there, &revision).await);
    assert!(!allowed(&acme, &user, "projects.view", "", &revision).await);
    let items = [&here, &there].map(|project| CheckItem {
        user_id: user.clone(),
        permission: "projects.view".into(),
        project_id: project.clone(),
    });
    let ask = BatchCheckRequest {
        items: items.to_vec(),
        at_least_revision: revision,
    };
    let batch = AccessServiceClient::new(acme.admin.client.clone())
        .batch_check(ask)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(batch.allowed, [true, false]);
    suite.stop().await;
}

#[tokio::test]
async fn a_04_b_34_nobody_gives_or_takes_more_than_they_hold() {
    let suite = Suite::start().await;
    let company = suite
        .company_with("lattice", RoleSet::Project, MfaPolicy::Optional)
        .await;
    let co_admin = company.member("co@lattice.example", "co-admin").await;
    let target = company
        .user("target@lattice.example", &usher_tests::password())
        .await;
    let as_co_admin = Company {
        admin: co_admin.clone(),
        operator: company.operator.clone(),
        ..company
    };
    assert_refused!(
        as_co_admin.grant(&target, "admin", "").await,
        "EXCEEDS_OWN_PERMISSIONS"
    );
    as_co_admin
        .grant(&target, "viewer", "")
        .await
        .expect("a lesser role");
    suite.stop().await;
}

#[tokio::test]
async fn a_04_b_35_the_last_admin_stays() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let other = acme.member("second@acme.example", "admin").await;
    let bindings = [
        binding_of(&acme, &acme.admin.user_id).await,
        binding_of(&acme, &other.user_id).await,
    ];
    let removals = bindings.map(|binding_id| {
        let mut client = RoleBindingServiceClient::new(acme.operator.clone());
        let ask = DeleteRoleBindingRequest {
            binding_id,
            ..Default::default()
        };
        tokio::spawn(async move { client.delete_role_binding(ask).await })
    });
    let mut removed = 0;
    for removal in removals {
        match removal.await.unwrap() {
            Ok(_) => removed += 1,
            Err(status) => assert_eq!(testkit::refusal(&status).reason, "LAST_ADMIN", "{status:?}"),
        }
    }
    assert_eq!(removed, 1, "two removals at once: one may succeed");
    suite.stop().await;
}

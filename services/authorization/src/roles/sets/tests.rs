use super::*;
use crate::roles::catalogue::CATALOGUE;
use crate::roles::permissions::{Permission, Permissions};

const SETS: [RoleSet; 5] = [
    RoleSet::Standard,
    RoleSet::Platform,
    RoleSet::Organization,
    RoleSet::Project,
    RoleSet::Operator,
];

fn of(set: RoleSet, name: &str) -> Permissions {
    let role = roles(set).iter().find(|role| role.name == name).unwrap();
    Permissions::covered_by(role.permissions.iter().copied())
}

/// Requirement A-02 as a table: role, some it permits, some it does not.
#[test]
fn each_role_permits_what_its_document_says() {
    let table: &[(RoleSet, &str, &[&str], &[&str])] = &[
        (
            RoleSet::Standard,
            "admin",
            &[
                "users.delete",
                "bindings.create",
                "admins.update",
                "projects.reach",
            ],
            &[],
        ),
        (
            RoleSet::Standard,
            "standard user",
            &["projects.view", "targets.view"],
            &["users.view", "projects.create"],
        ),
        (
            RoleSet::Standard,
            "analyst",
            &["dashboard.view", "agents.view"],
            &["users.view", "agents.name.view"],
        ),
        (
            RoleSet::Platform,
            "platform",
            &["users.create", "users.unlock"],
            &[],
        ),
        (
            RoleSet::Organization,
            "organization admin",
            &["users.delete", "billing.update"],
            &[],
        ),
        (
            RoleSet::Organization,
            "organization billing admin",
            &["billing.update"],
            &["users.view"],
        ),
        (
            RoleSet::Organization,
            "organization user",
            &["account.update"],
            &["users.view", "projects.view"],
        ),
        (
            RoleSet::Project,
            "admin",
            &["admins.update", "users.update"],
            &[],
        ),
        (
            RoleSet::Project,
            "co-admin",
            &["users.delete", "bindings.create"],
            &["admins.update", "tenants.update"],
        ),
        (
            RoleSet::Project,
            "asset manager",
            &["agents.view", "targets.view"],
            &["agents.name.view", "users.view"],
        ),
        (
            RoleSet::Project,
            "viewer",
            &["agents.name.view", "users.view"],
            &["users.update", "bindings.create"],
        ),
    ];
    for (set, name, may, may_not) in table {
        let permissions = of(*set, name);
        for permission in *may {
            assert!(
                permissions.contains(Permission::named(permission).unwrap()),
                "{name}: {permission}"
            );
        }
        for permission in *may_not {
            assert!(
                !permissions.contains(Permission::named(permission).unwrap()),
                "{name}: {permission}"
            );
        }
        assert_eq!(
            permissions.first_beyond(&Permissions::covered_by(["*"])),
            None,
            "{name} is the platform's"
        );
    }
    assert_eq!(of(RoleSet::Operator, "operator"), Permissions::all());
}

#[test]
fn the_view_only_admin_sees_all_and_changes_nothing() {
    let permissions = of(RoleSet::Organization, "organization view only admin");
    for entry in CATALOGUE {
        let action = entry.name.rsplit('.').next();
        let view = action == Some("view") || entry.name == "projects.reach";
        assert_eq!(
            permissions.contains(Permission::named(entry.name).unwrap()),
            view,
            "{}",
            entry.name
        );
    }
}

/// Else the roles could not be told apart by who may touch whom.
#[test]
fn nobody_below_an_admin_may_give_the_admin_role() {
    for set in SETS {
        let admin = Permissions::covered_by(["*"]);
        for role in roles(set)
            .iter()
            .filter(|role| !role.permissions.contains(&"*"))
        {
            let permissions = Permissions::covered_by(role.permissions.iter().copied());
            assert!(admin.first_beyond(&permissions).is_some(), "{}", role.name);
            assert!(
                !permissions.contains(Permission::ADMINS_UPDATE),
                "{}",
                role.name
            );
        }
    }
}

#[test]
fn sets_are_well_formed() {
    for set in SETS {
        let roles = roles(set);
        assert!(roles.iter().filter(|role| role.default).count() <= 1);
        for role in roles {
            assert_eq!(role.name, role.display_name.to_lowercase());
            for written in role.permissions {
                let covered = Permissions::covered_by([*written]);
                assert_ne!(
                    covered,
                    Permissions::default(),
                    "{}: {written} covers nothing",
                    role.name
                );
            }
        }
    }
}

use super::*;

const OLD: Revision = 5;
const NEW: Revision = 9;

struct Tenant {
    structure: Structure,
    admin: Id<Role>,
    user: Id<Role>,
    old: Id<Project>,
    new: Id<Project>,
}

fn tenant() -> Tenant {
    let (admin, user, old, new) = (Id::new(), Id::new(), Id::new(), Id::new());
    let roles = [
        (admin, Permissions::covered_by(["*"])),
        (user, Permissions::covered_by(["alerts.view"])),
    ];
    // Ids grow, so this is sorted.
    let structure = Structure {
        at: NEW,
        roles: roles.into(),
        projects: [(old, OLD), (new, NEW)].into(),
    };
    Tenant {
        structure,
        admin,
        user,
        old,
        new,
    }
}

fn subject(membership: Membership, grants: &[(Id<Role>, Option<Id<Project>>)]) -> Subject {
    let grants = grants
        .iter()
        .map(|(role, project)| Grant {
            role: *role,
            project: *project,
        })
        .collect();
    Subject {
        at: NEW,
        structure_at: NEW,
        cell: 0,
        live: true,
        membership,
        grants,
    }
}

/// On the tenant, on the old project, on the new one, on an unknown one.
fn alerts(tenant: &Tenant, subject: &Subject) -> [bool; 4] {
    let view = View {
        structure: &tenant.structure,
        subject,
    };
    let permission = Permission::named("alerts.view").unwrap();
    [None, Some(tenant.old), Some(tenant.new), Some(Id::new())]
        .map(|place| view.allows(permission, place))
}

#[test]
fn a_role_on_the_tenant_holds_on_the_projects_that_its_user_reaches() {
    let tenant = tenant();
    let held = [(tenant.user, None)];
    assert_eq!(
        alerts(&tenant, &subject(Membership::Never, &held)),
        [true, false, false, false]
    );
    assert_eq!(
        alerts(&tenant, &subject(Membership::Present, &held)),
        [true, true, true, false]
    );
    assert_eq!(
        alerts(&tenant, &subject(Membership::Until(NEW - 1), &held)),
        [true, true, false, false]
    );
    assert_eq!(
        alerts(&tenant, &subject(Membership::Present, &[])),
        [false; 4]
    );
}

#[test]
fn a_role_on_a_project_holds_there_alone() {
    let tenant = tenant();
    let held = [(tenant.user, Some(tenant.old))];
    assert_eq!(
        alerts(&tenant, &subject(Membership::Never, &held)),
        [false, true, false, false]
    );
    assert_eq!(
        alerts(&tenant, &subject(Membership::Present, &held)),
        [false, true, false, false]
    );
    let all_of_a_project = [(tenant.admin, Some(tenant.old))];
    assert_eq!(
        alerts(&tenant, &subject(Membership::Never, &all_of_a_project)),
        [false, true, false, false]
    );
}

#[test]
fn an_admin_reaches_every_project() {
    let tenant = tenant();
    let admin = subject(Membership::Never, &[(tenant.admin, None)]);
    assert_eq!(alerts(&tenant, &admin), [true, true, true, false]);
    assert!(
        View {
            structure: &tenant.structure,
            subject: &admin
        }
        .reaches_all()
    );
}

#[test]
fn who_is_disabled_holds_nothing() {
    let tenant = tenant();
    let disabled = Subject {
        live: false,
        ..subject(Membership::Present, &[(tenant.admin, None)])
    };
    assert_eq!(alerts(&tenant, &disabled), [false; 4]);
    let view = View {
        structure: &tenant.structure,
        subject: &disabled,
    };
    assert_eq!(view.reach(), Reach::default());
    assert!(!view.reaches_all());
}

/// What is listed as reached is what a role on the tenant holds on.
#[test]
fn reach_agrees_with_decisions() {
    let tenant = tenant();
    for membership in [
        Membership::Never,
        Membership::Present,
        Membership::Until(OLD),
        Membership::Until(OLD - 1),
    ] {
        for named in [None, Some(tenant.old), Some(tenant.new)] {
            let mut grants = vec![(tenant.user, None)];
            grants.extend(named.map(|project| (tenant.user, Some(project))));
            let subject = subject(membership, &grants);
            let reach = View {
                structure: &tenant.structure,
                subject: &subject,
            }
            .reach();
            let listed = [(tenant.old, OLD), (tenant.new, NEW)].map(|(project, created)| {
                reach.all
                    || reach.until.is_some_and(|until| created <= until)
                    || reach.named.contains(&project)
            });
            assert_eq!(
                listed,
                alerts(&tenant, &subject)[1..3],
                "{membership:?} {named:?}"
            );
        }
    }
}

use contract::licensing;
use proptest::prelude::*;

use super::*;

struct Tenant {
    admin: Id<Role>,
    default: Id<Role>,
    project: Id<Project>,
    facts: Facts,
}

fn tenant(total_seats: i32, used_seats: i32, authority: Authority) -> Tenant {
    let (admin, default, project) = (Id::new(), Id::new(), Id::new());
    let role = |permissions, licensed| Facet {
        permits: Permissions::covered_by([permissions]),
        licensed,
    };
    let facts = Facts {
        roles: [
            (admin, role("*", true)),
            (default, role("account.*", false)),
        ]
        .into(),
        default_role: Some(default),
        projects: [project].into(),
        standings: HashMap::new(),
        authority,
        total_seats,
        free_seats: total_seats - used_seats,
    };
    Tenant {
        admin,
        default,
        project,
        facts,
    }
}

fn asked(user: Id<User>, roles: &[Id<Role>]) -> Asked {
    Asked {
        user,
        roles: roles.to_vec(),
        projects: Vec::new(),
        default_group: false,
    }
}

fn standing(user: Id<User>) -> Standing {
    Standing {
        user,
        erased: false,
        bound: false,
        seated: false,
    }
}

fn refusal(verdict: Verdict) -> String {
    match verdict {
        Verdict::Refuse(error) => error.reason().unwrap().1.to_owned(),
        _ => "GIVEN".to_owned(),
    }
}

#[test]
fn one_refused_does_not_hold_up_the_rest() {
    let mut tenant = tenant(1, 0, Authority::unbounded());
    let (first, second, third) = (Id::new(), Id::new(), Id::new());
    let roles = [tenant.admin];
    assert!(
        matches!(tenant.facts.decide(&asked(first, &roles)), Verdict::Give(given) if given.seat)
    );
    let Verdict::Refuse(error) = tenant.facts.decide(&asked(second, &roles)) else {
        panic!("there is one seat")
    };
    assert!(error.is(licensing::ErrorReason::SeatsExhausted));
    assert_eq!(error.message(), "the only seat is in use");
    let Verdict::Give(given) = tenant.facts.decide(&asked(third, &[])) else {
        panic!("this one needs none")
    };
    assert_eq!((given.roles, given.seat), (vec![tenant.default], false));
    assert!(
        matches!(tenant.facts.decide(&asked(first, &roles)), Verdict::Given),
        "the same user again"
    );
}

#[test]
fn what_is_not_there_is_not_given() {
    let mut tenant = tenant(9, 0, Authority::unbounded());
    assert_eq!(
        refusal(tenant.facts.decide(&asked(Id::new(), &[Id::new()]))),
        "ROLE_NOT_FOUND"
    );
    let elsewhere = Asked {
        projects: vec![tenant.project, Id::new()],
        ..asked(Id::new(), &[tenant.admin])
    };
    assert_eq!(
        refusal(tenant.facts.decide(&elsewhere)),
        "PROJECT_NOT_FOUND"
    );
    let gone = Id::new();
    tenant.facts.standings.insert(
        gone,
        Standing {
            erased: true,
            ..standing(gone)
        },
    );
    assert_eq!(
        refusal(tenant.facts.decide(&asked(gone, &[]))),
        "USER_NOT_FOUND"
    );
    tenant.facts.default_role = None;
    assert_eq!(
        refusal(tenant.facts.decide(&asked(Id::new(), &[]))),
        "ROLE_NOT_FOUND"
    );
}

#[test]
fn nobody_gives_more_than_they_hold() {
    let mut tenant = tenant(
        9,
        0,
        Authority::exactly(Permissions::covered_by(["account.*", "bindings.*"])),
    );
    assert_eq!(
        refusal(tenant.facts.decide(&asked(Id::new(), &[tenant.admin]))),
        "EXCEEDS_OWN_PERMISSIONS"
    );
    assert_eq!(
        refusal(tenant.facts.decide(&asked(Id::new(), &[tenant.default]))),
        "GIVEN"
    );
    let opened = Asked {
        default_group: true,
        ..asked(Id::new(), &[tenant.default])
    };
    assert_eq!(
        refusal(tenant.facts.decide(&opened)),
        "EXCEEDS_OWN_PERMISSIONS"
    );
    let on_project = Asked {
        projects: vec![tenant.project],
        ..asked(Id::new(), &[tenant.default])
    };
    assert_eq!(
        refusal(tenant.facts.decide(&on_project)),
        "EXCEEDS_OWN_PERMISSIONS",
        "held on the tenant alone"
    );
}

proptest! {
    /// Seats are given in order, one a user with a licensed role, to the last.
    #[test]
    fn seats_add_up(total in 0..20i32, used in 0..20i32, wants in prop::collection::vec((0..12usize, any::<bool>()), 0..60)) {
        let used = used.min(total);
        let mut tenant = tenant(total, used, Authority::unbounded());
        let users: Vec<Id<User>> = (0..12).map(|_| Id::new()).collect();
        let mut free = total - used;
        let mut bound = HashSet::new();
        for (index, licensed) in wants {
            let user = users[index];
            let roles = if licensed { vec![tenant.default, tenant.admin] } else { vec![tenant.default] };
            let verdict = tenant.facts.decide(&asked(user, &roles));
            if bound.contains(&user) {
                prop_assert!(matches!(verdict, Verdict::Given));
            } else if licensed && free == 0 {
                prop_assert_eq!(refusal(verdict), "SEATS_EXHAUSTED");
            } else {
                prop_assert!(matches!(&verdict, Verdict::Give(given) if given.seat == licensed));
                free -= i32::from(licensed);
                bound.insert(user);
            }
            prop_assert_eq!(tenant.facts.free_seats, free);
        }
    }
}

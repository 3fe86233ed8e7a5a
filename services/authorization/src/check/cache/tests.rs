use contract::authorization::Role;

use super::*;
use crate::check::Membership;
use crate::roles::permissions::{Permission, Permissions};

/// A tenant as a list of what changed, and the cache of one replica, which may
/// hear of it late, twice, in any order, or never.
struct World {
    cache: Cache,
    tenant: Id<Tenant>,
    role: Id<Role>,
    users: Vec<Id<User>>,
    /// Each revision, from 1: the users who hold the role after it; and what
    /// it touched.
    history: Vec<(Vec<bool>, Touched)>,
    structure_at: Revision,
}

impl World {
    fn new(users: usize) -> Self {
        let users: Vec<_> = (0..users).map(|_| Id::new()).collect();
        let history = vec![(vec![true; users.len()], Touched::Structure)];
        let cache = Cache::new(1 << 20);
        Self {
            cache,
            tenant: Id::new(),
            role: Id::new(),
            users,
            history,
            structure_at: 1,
        }
    }

    fn now(&self) -> Revision {
        Revision::try_from(self.history.len()).unwrap()
    }

    fn toggle(&mut self, index: usize) -> Revision {
        let mut held = self.history.last().unwrap().0.clone();
        held[index] = !held[index];
        self.history.push((held, Touched::User(self.users[index])));
        self.now()
    }

    fn touch_structure(&mut self) -> Revision {
        let held = self.history.last().unwrap().0.clone();
        self.history.push((held, Touched::Structure));
        self.structure_at = self.now();
        self.now()
    }

    fn hear(&self, revision: Revision) {
        let touched = self.history[usize::try_from(revision).unwrap() - 1].1;
        self.cache.hear(self.tenant, revision, touched);
    }

    fn read_structure(&self) -> Structure {
        let roles = [(self.role, Permissions::covered_by(["alerts.view"]))];
        Structure {
            at: self.now(),
            roles: roles.into(),
            projects: Box::default(),
        }
    }

    fn read_subject(&self, index: usize) -> Subject {
        let held = self.history.last().unwrap().0[index];
        let grants = if held {
            vec![Grant {
                role: self.role,
                project: None,
            }]
        } else {
            Vec::new()
        };
        Subject {
            at: self.now(),
            structure_at: self.structure_at,
            cell: 0,
            live: true,
            membership: Membership::Never,
            grants: grants.into(),
        }
    }

    fn read_and_keep(&self, index: usize) {
        let cell = self.cache.cell(self.tenant);
        if cell
            .structure()
            .is_none_or(|structure| structure.at < self.structure_at)
        {
            cell.outdated(self.structure_at);
            cell.keep(self.read_structure());
        }
        self.cache
            .keep(&cell, vec![(self.users[index], self.read_subject(index))]);
    }

    /// As `Cache::ask`, without asking whether it is fresh: tests hear no tail.
    fn ask(&self, index: usize, at_least: Revision) -> Option<(bool, Revision)> {
        let permission = Permission::named("alerts.view").unwrap();
        let allows = |view: View<'_>| view.allows(permission, None);
        self.cache
            .decide(self.tenant, self.users[index], at_least, allows)
    }
}

#[test]
fn what_is_kept_is_answered_and_what_is_heard_of_is_not() {
    let mut world = World::new(2);
    world.read_and_keep(0);
    world.read_and_keep(1);
    assert_eq!(world.ask(0, 0), Some((true, 1)));
    let revoked = world.toggle(0);
    assert_eq!(
        world.ask(0, revoked),
        None,
        "it has not heard yet, and says so"
    );
    world.hear(revoked);
    assert_eq!(world.ask(0, 0), None);
    assert_eq!(
        world.ask(1, revoked),
        Some((true, revoked)),
        "others are left alone, and are as new"
    );
    world.read_and_keep(0);
    assert_eq!(world.ask(0, revoked), Some((false, revoked)));
}

#[test]
fn a_read_that_an_event_overtook_is_not_kept() {
    let mut world = World::new(1);
    world.read_and_keep(0);
    let first = world.toggle(0);
    world.hear(first);
    let cell = world.cache.cell(world.tenant);
    let stale = world.read_subject(0);
    let second = world.toggle(0);
    world.hear(second);
    world.cache.keep(&cell, vec![(world.users[0], stale)]);
    assert_eq!(world.ask(0, 0), None);
}

#[test]
fn the_structure_is_read_again_after_it_changed() {
    let mut world = World::new(1);
    world.read_and_keep(0);
    let created = world.touch_structure();
    world.hear(created);
    assert!(world.cache.cell(world.tenant).structure().is_none());
    assert_eq!(world.ask(0, 0), None);
    world.read_and_keep(0);
    assert_eq!(world.ask(0, created), Some((true, created)));
}

/// The new enemy: a role loses a permission, then somebody gets the role. The
/// old role with the new holder is a state that never was.
#[test]
fn pieces_of_different_times_are_not_mixed() {
    let mut world = World::new(1);
    world.toggle(0);
    world.read_and_keep(0);
    let cell = world.cache.cell(world.tenant);
    world.touch_structure();
    let granted = world.toggle(0);
    world
        .cache
        .keep(&cell, vec![(world.users[0], world.read_subject(0))]);
    assert_eq!(world.ask(0, 0), None);
    assert_eq!(world.ask(0, granted), None);
}

#[test]
fn a_gap_holds_back_what_is_known_and_is_outgrown() {
    let mut world = World::new(2);
    world.read_and_keep(0);
    let lost = world.toggle(0);
    let heard = world.toggle(1);
    world.hear(heard);
    assert_eq!(
        world.ask(0, lost),
        None,
        "the lost event may be about this user, and is"
    );
    for _ in 0..=BEYOND_GAP {
        let revision = world.toggle(1);
        world.hear(revision);
    }
    assert_eq!(world.ask(0, 0), None, "the tenant was forgotten");
}

#[test]
fn a_new_tail_begins_with_nothing() {
    let world = World::new(1);
    world.read_and_keep(0);
    world.cache.follow();
    assert_eq!(world.ask(0, 0), None);
    assert!(!world.cache.is_fresh());
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Toggle(usize),
        Structure,
        Read(usize),
        /// Reads, and keeps it only at the next `Keep`: others come between.
        Fetch(usize),
        Keep,
        /// Hears one of the events so far: any, again or not.
        Hear(prop::sample::Index),
        Ask(usize, prop::sample::Index),
        Evict,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..3usize).prop_map(Step::Toggle),
            1 => Just(Step::Structure),
            4 => (0..3usize).prop_map(Step::Read),
            2 => (0..3usize).prop_map(Step::Fetch),
            2 => Just(Step::Keep),
            6 => any::<prop::sample::Index>().prop_map(Step::Hear),
            6 => (0..3usize, any::<prop::sample::Index>()).prop_map(|(user, at)| Step::Ask(user, at)),
            1 => Just(Step::Evict),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        /// B-31, B-33: whatever is heard, when, in which order, or not at all:
        /// an answer is that of the revision it names, and that is at least the
        /// one that was asked for.
        #[test]
        fn an_answer_is_true_of_its_revision(steps in prop::collection::vec(step(), 1..80)) {
            let mut world = World::new(3);
            let mut fetched = Vec::new();
            for step in steps {
                match step {
                    Step::Toggle(user) => { world.toggle(user); }
                    Step::Structure => { world.touch_structure(); }
                    Step::Read(user) => world.read_and_keep(user),
                    Step::Fetch(user) => {
                        let cell = world.cache.cell(world.tenant);
                        fetched.push((cell, world.users[user], world.read_subject(user)));
                    }
                    Step::Keep => if let Some((cell, user, subject)) = fetched.pop() {
                        world.cache.keep(&cell, vec![(user, subject)]);
                    },
                    Step::Hear(which) => world.hear(Revision::try_from(which.index(world.history.len())).unwrap() + 1),
                    Step::Evict => { world.cache.tenants.remove(&world.tenant); }
                    Step::Ask(user, at_least) => {
                        let at_least = Revision::try_from(at_least.index(world.history.len() + 1)).unwrap();
                        if let Some((allowed, revision)) = world.ask(user, at_least) {
                            prop_assert!(revision >= at_least && revision <= world.now());
                            let held = &world.history[usize::try_from(revision).unwrap() - 1].0;
                            prop_assert_eq!(allowed, held[user], "at {} of {}", revision, world.now());
                        }
                    }
                }
            }
        }
    }
}

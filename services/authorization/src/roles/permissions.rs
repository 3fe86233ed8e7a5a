//! Permissions as numbers and sets of them, which is how they are checked.

use super::catalogue::{CATALOGUE, LIST};

/// How many permissions a set has room for.
const ROOM: usize = 256;
const _: () = assert!(LIST.len() <= ROOM, "give Permissions another word");

/// A permission of the catalogue, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission(u16);

impl Permission {
    /// To give roles; with `ADMINS_UPDATE` it makes an admin.
    pub const BINDINGS_CREATE: Self = Self::known("bindings.create");
    /// To give and take the roles of admins.
    pub const ADMINS_UPDATE: Self = Self::known("admins.update");
    /// To act in any tenant.
    pub const TENANTS_OPERATE: Self = Self::known("tenants.operate");
    /// To reach every project, in the Default Group or not.
    pub const PROJECTS_REACH: Self = Self::known("projects.reach");

    /// The permission of a name; nothing where nobody registered it.
    pub fn named(name: &str) -> Option<Self> {
        let place = CATALOGUE
            .binary_search_by(|entry| entry.name.cmp(name))
            .ok()?;
        u16::try_from(place).ok().map(Self)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        CATALOGUE[usize::from(self.0)].name
    }

    /// A permission that the code itself names; a wrong name fails the build.
    const fn known(name: &str) -> Self {
        let mut place = 0;
        while place < LIST.len() {
            if equal(LIST[place].name.as_bytes(), name.as_bytes()) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the catalogue fits into ROOM"
                )]
                return Self(place as u16);
            }
            place += 1;
        }
        panic!("no such permission in the catalogue");
    }
}

/// `==` is not const yet.
const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut place = 0;
    while place < a.len() && place < b.len() && a[place] == b[place] {
        place += 1;
    }
    place == a.len() && place == b.len()
}

/// A set of permissions: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions([u64; ROOM / 64]);

impl Permissions {
    /// What written permissions cover: names, `resource.*`, and `*`. A wildcard
    /// covers nothing that is the platform's; what is in no catalogue any more
    /// covers nothing at all.
    pub fn covered_by<'a>(written: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self::default();
        for pattern in written {
            if pattern == "*" {
                set.add_all("");
            } else if let Some(resource) = pattern
                .strip_suffix('*')
                .filter(|resource| resource.ends_with('.'))
            {
                set.add_all(resource);
            } else if let Some(permission) = Permission::named(pattern) {
                set.add(permission);
            }
        }
        set
    }

    /// All permissions there are, the platform's too.
    pub fn all() -> Self {
        Self::covered_by(CATALOGUE.iter().map(|entry| entry.name))
    }

    /// Whether the permission is in the set.
    pub fn contains(&self, permission: Permission) -> bool {
        let place = usize::from(permission.0);
        self.0[place / 64] & (1 << (place % 64)) != 0
    }

    /// What is in one set or the other.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        self
    }

    /// The first permission of this set that is missing in another.
    pub fn first_beyond(&self, other: &Self) -> Option<Permission> {
        let beyond = self.0.iter().zip(other.0).map(|(word, has)| word & !has);
        let (at, word) = beyond.enumerate().find(|(_, word)| *word != 0)?;
        u16::try_from(at * 64 + word.trailing_zeros() as usize)
            .ok()
            .map(Permission)
    }

    fn add(&mut self, permission: Permission) {
        let place = usize::from(permission.0);
        self.0[place / 64] |= 1 << (place % 64);
    }

    fn add_all(&mut self, prefix: &str) {
        for (place, entry) in CATALOGUE.iter().enumerate() {
            if !entry.platform && entry.name.starts_with(prefix) {
                self.0[place / 64] |= 1 << (place % 64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the rule of a pattern says, spelled out.
    fn covers(pattern: &str, index: usize) -> bool {
        let entry = &CATALOGUE[index];
        match pattern.split_once('*') {
            None => entry.name == pattern,
            Some((resource, _)) => !entry.platform && entry.name.starts_with(resource),
        }
    }

    fn pattern() -> impl Strategy<Value = String> {
        (0..CATALOGUE.len(), 0..5u8).prop_map(|(index, form)| {
            let name = CATALOGUE[index].name;
            let (resource, _) = name.split_once('.').unwrap();
            match form {
                0 | 1 => name.to_owned(),
                2 => format!("{resource}.*"),
                3 => "*".to_owned(),
                _ => format!("{name}.nobody_registered_this"),
            }
        })
    }

    proptest! {
        #[test]
        fn a_set_holds_what_its_patterns_cover(patterns in prop::collection::vec(pattern(), 0..6)) {
            let set = Permissions::covered_by(patterns.iter().map(String::as_str));
            for (index, entry) in CATALOGUE.iter().enumerate() {
                let permission = Permission::named(entry.name).unwrap();
                prop_assert_eq!(permission.name(), entry.name);
                let expected = patterns.iter().any(|pattern| covers(pattern, index));
                prop_assert_eq!(set.contains(permission), expected, "{} by {:?}", entry.name, patterns);
            }
        }

        #[test]
        fn what_goes_beyond_is_found(a in prop::collection::vec(pattern(), 0..4), b in prop::collection::vec(pattern(), 0..4)) {
            let of = |patterns: &[String]| Permissions::covered_by(patterns.iter().map(String::as_str));
            let (a, b) = (of(&a), of(&b));
            let all = || CATALOGUE.iter().filter_map(|entry| Permission::named(entry.name));
            prop_assert_eq!(a.first_beyond(&b), all().find(|p| a.contains(*p) && !b.contains(*p)));
            prop_assert_eq!(a.and(&b).first_beyond(&b), a.first_beyond(&b));
        }
    }

    #[test]
    fn no_wildcard_reaches_the_platform() {
        let everything = Permissions::covered_by(["*", "tenants.*", "licenses.*"]);
        for entry in CATALOGUE {
            assert_eq!(
                everything.contains(Permission::named(entry.name).unwrap()),
                !entry.platform,
                "{}",
                entry.name
            );
        }
        assert!(
            Permissions::covered_by(["tenants.operate"])
                .contains(Permission::named("tenants.operate").unwrap())
        );
    }
}

//! The roles that a file can name.

use std::collections::HashMap;

use contract::authorization::Role;
use uuid::Uuid;

/// The roles of a tenant by name, and what names a caller mapped.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    default: Option<Uuid>,
    known: HashMap<String, Uuid>,
    mapped: HashMap<String, Uuid>,
}

/// What a role name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The role that the row gets: for an unknown name the default one, where
    /// the tenant has it (requirement B-04).
    pub role_id: Option<Uuid>,
    /// The name as [`key`] makes it, where no role of the tenant has it.
    pub unknown: Option<String>,
    /// Whether the name waits for a mapping.
    pub waits: bool,
}

impl Roles {
    /// The roles of a tenant.
    pub fn new(roles: &[Role]) -> Roles {
        let roles: Vec<(Uuid, &Role)> = roles
            .iter()
            .filter_map(|role| Some((Uuid::parse_str(&role.id).ok()?, role)))
            .collect();
        // A name is unique. It goes before what another role is called too: by
        // people, or by other systems (requirement B-03).
        let mut known: HashMap<String, Uuid> = roles
            .iter()
            .map(|(id, role)| (key(&role.name), *id))
            .collect();
        for (id, role) in &roles {
            known.entry(key(&role.display_name)).or_insert(*id);
        }
        for (id, role) in &roles {
            for alias in &role.aliases {
                known.entry(key(alias)).or_insert(*id);
            }
        }
        let default = roles.iter().find(|(_, role)| role.default);
        let default = default.map(|(id, _)| *id);
        Roles {
            default,
            known,
            mapped: HashMap::new(),
        }
    }

    /// The same, with what a caller mapped: names as [`key`] makes them.
    pub fn with_mapped(mut self, mapped: impl IntoIterator<Item = (String, Uuid)>) -> Roles {
        self.mapped.extend(mapped);
        self
    }

    /// What a name stands for; the empty one for the default role.
    pub fn named(&self, name: &str) -> Named {
        let name = key(name);
        let known = if name.is_empty() {
            self.default
        } else {
            self.known.get(&name).copied()
        };
        if known.is_some() || name.is_empty() {
            return Named {
                role_id: known,
                unknown: None,
                waits: false,
            };
        }
        let mapped = self.mapped.get(&name).copied();
        Named {
            role_id: mapped.or(self.default),
            unknown: Some(name),
            waits: mapped.is_none(),
        }
    }

    /// Whether a role of the tenant has the name, without any mapping.
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains_key(&key(name))
    }

    /// Whether the tenant has the role.
    pub fn has(&self, id: Uuid) -> bool {
        self.known.values().any(|known| *known == id)
    }
}

/// Under which a role name is compared: trimmed, in lower case.
pub fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

//! What a decision is made of, and the decision.

use contract::authorization::{Project, Role};
use rpc::Id;

use crate::revisions::Revision;
use crate::roles::permissions::{Permission, Permissions};

/// The roles and projects of a tenant at a revision.
#[derive(Debug)]
pub struct Structure {
    /// The revision at which they were read.
    pub at: Revision,
    /// What each role permits, sorted by role.
    pub roles: Box<[(Id<Role>, Permissions)]>,
    /// The revision at which each project was created, sorted by project.
    pub projects: Box<[(Id<Project>, Revision)]>,
}

/// What one user holds at a revision.
#[derive(Debug)]
pub struct Subject {
    /// The revision at which it was read.
    pub at: Revision,
    /// The last change of the tenant's structure, as of then: a [`Structure`]
    /// that is at least this new still held at `at`.
    pub structure_at: Revision,
    /// The cell of the cache that answers for it; see `cache.rs`.
    pub cell: u64,
    /// Whether the user exists and is not disabled.
    pub live: bool,
    /// Where the user stands with the Default Group.
    pub membership: Membership,
    /// The roles the user holds; waiting ones are left out.
    pub grants: Box<[Grant]>,
}

/// Where a user stands with the Default Group (requirement A-08).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// In it: reaches all projects.
    Present,
    /// Left it: reaches the projects there were at this revision.
    Until(Revision),
    /// Never in it, or still invited.
    Never,
}

/// A role on the tenant, or on one project.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// The role.
    pub role: Id<Role>,
    /// The project; none for the tenant.
    pub project: Option<Id<Project>>,
}

/// One user in one tenant, as decisions see them.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The tenant.
    pub structure: &'a Structure,
    /// The user.
    pub subject: &'a Subject,
}

/// The projects that a user reaches.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// All of them.
    pub all: bool,
    /// Those there were at this revision.
    pub until: Option<Revision>,
    /// And these.
    pub named: Vec<Id<Project>>,
}

impl Structure {
    fn permits(&self, role: Id<Role>) -> Permissions {
        let place = self.roles.binary_search_by_key(&role, |(id, _)| *id);
        place.map_or_else(|_| Permissions::default(), |place| self.roles[place].1)
    }

    fn created(&self, project: Id<Project>) -> Option<Revision> {
        let place = self
            .projects
            .binary_search_by_key(&project, |(id, _)| *id)
            .ok()?;
        Some(self.projects[place].1)
    }
}

impl View<'_> {
    /// Whether the user holds the permission on the tenant, or on the project.
    pub fn allows(&self, permission: Permission, project: Option<Id<Project>>) -> bool {
        self.permissions(project).contains(permission)
    }

    /// What the user may do on the tenant: what the roles held on the tenant
    /// permit. On a project: what the roles held on it permit and, where the
    /// user reaches it, what they may do on the tenant.
    pub fn permissions(&self, project: Option<Id<Project>>) -> Permissions {
        if !self.subject.live {
            return Permissions::default();
        }
        let tenant = self.held_on(None);
        let Some(project) = project else {
            return tenant;
        };
        let Some(created) = self.structure.created(project) else {
            return Permissions::default();
        };
        let held = self
            .subject
            .grants
            .iter()
            .any(|grant| grant.project == Some(project));
        let group = match self.subject.membership {
            Membership::Present => true,
            Membership::Until(left) => created <= left,
            Membership::Never => false,
        };
        if held || group || tenant.contains(Permission::PROJECTS_REACH) {
            tenant.and(&self.held_on(Some(project)))
        } else {
            Permissions::default()
        }
    }

    /// The projects that the user reaches: by a role on the project, by the
    /// Default Group, or by the permission to reach all.
    pub fn reach(&self) -> Reach {
        if !self.subject.live {
            return Reach::default();
        }
        Reach {
            all: self.reaches_all(),
            until: match self.subject.membership {
                Membership::Until(left) => Some(left),
                Membership::Present | Membership::Never => None,
            },
            named: self
                .subject
                .grants
                .iter()
                .filter_map(|grant| grant.project)
                .collect(),
        }
    }

    /// Whether the user reaches every project there is and will be.
    pub fn reaches_all(&self) -> bool {
        let member = self.subject.membership == Membership::Present;
        self.subject.live && (member || self.held_on(None).contains(Permission::PROJECTS_REACH))
    }

    fn held_on(&self, place: Option<Id<Project>>) -> Permissions {
        let grants = self
            .subject
            .grants
            .iter()
            .filter(|grant| grant.project == place);
        grants.fold(Permissions::default(), |held, grant| {
            held.and(&self.structure.permits(grant.role))
        })
    }
}

#[cfg(test)]
mod tests;

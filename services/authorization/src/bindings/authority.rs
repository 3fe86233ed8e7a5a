//! What the caller may give and take (requirement A-04).

use std::collections::HashMap;

use contract::authorization::{ErrorReason, Project};
use rpc::{Because as _, Caller, Error, Id};
use store::Tx;

use crate::check::View;
use crate::db;
use crate::roles::permissions::{Permission, Permissions};

/// What the caller of a change may give and take: no more than they may do
/// themselves, there.
pub struct Authority {
    tenant: Permissions,
    /// What the caller may do on projects; like on the tenant where `None`.
    projects: Option<HashMap<Id<Project>, Permissions>>,
    reaches_all: bool,
}

impl Authority {
    /// The caller's authority on the tenant of the transaction and on these
    /// projects of it, as of now: called under the lock of the tenant, so that
    /// nobody gives away what was just taken from them.
    pub async fn of(tx: &mut Tx, caller: &Caller, projects: &[Id<Project>]) -> Result<Self, Error> {
        let tenant = caller.tenant()?;
        let Some(user) = caller.user else {
            // A service of the suite by itself, as when the first operator is
            // made. People always come with their user.
            return match caller.service {
                Some(_) => Ok(Self::same_everywhere(Permissions::all())),
                None => caller
                    .user()
                    .map(|_| Self::same_everywhere(Permissions::default())),
            };
        };
        if caller.home.is_some_and(|home| home != tenant) {
            // An operator of the platform acts for the tenant: with all that a
            // tenant can grant, and nothing of the platform's.
            return Ok(Self::same_everywhere(Permissions::covered_by(["*"])));
        }
        let structure = db::access::structure(tx, tenant, Some(projects)).await?;
        let subject = db::access::subjects(tx, tenant, &[user]).await?.pop();
        let (Some(structure), Some((_, subject))) = (structure, subject) else {
            return Ok(Self {
                reaches_all: false,
                ..Self::same_everywhere(Permissions::default())
            });
        };
        let view = View {
            structure: &structure,
            subject: &subject,
        };
        Ok(Self {
            tenant: view.permissions(None),
            projects: Some(
                projects
                    .iter()
                    .map(|project| (*project, view.permissions(Some(*project))))
                    .collect(),
            ),
            reaches_all: view.reaches_all(),
        })
    }

    fn same_everywhere(permissions: Permissions) -> Self {
        Self {
            tenant: permissions,
            projects: None,
            reaches_all: true,
        }
    }

    /// Whether the caller may give or take a role that permits so much, on the
    /// tenant or on the project; else `EXCEEDS_OWN_PERMISSIONS`.
    pub fn covers(&self, role: &Permissions, project: Option<Id<Project>>) -> Result<(), Error> {
        let own = match (project, &self.projects) {
            (Some(project), Some(projects)) => projects.get(&project).copied().unwrap_or_default(),
            _ => self.tenant,
        };
        role.first_beyond(&own)
            .map_or(Ok(()), |permission| Err(exceeds(permission)))
    }

    /// Whether the caller may open all projects to somebody, as the Default
    /// Group does, or take that away.
    pub fn covers_all_projects(&self) -> Result<(), Error> {
        if self.reaches_all {
            Ok(())
        } else {
            Err(exceeds(Permission::PROJECTS_REACH))
        }
    }
}

#[cfg(test)]
impl Authority {
    /// Whoever may do all.
    pub fn unbounded() -> Self {
        Self::same_everywhere(Permissions::all())
    }

    /// Whoever may do so much, on the tenant alone.
    pub fn exactly(permissions: Permissions) -> Self {
        Self {
            tenant: permissions,
            projects: Some(HashMap::new()),
            reaches_all: false,
        }
    }
}

fn exceeds(permission: Permission) -> Error {
    let name = permission.name();
    ErrorReason::ExceedsOwnPermissions
        .because(format!(
            "this permits {name}, which you may not do yourself"
        ))
        .with("permission", name)
}

//! Decides what becomes of grants, one set after the other.

use std::collections::{HashMap, HashSet};

use contract::authorization::{ErrorReason, Grants, Project, Role};
use contract::identity::User;
use rpc::{Because as _, Caller, Error, Id};
use store::Tx;

use crate::bindings::{Authority, user_not_found};
use crate::db::subjects::Standing;
use crate::roles::permissions::Permissions;
use crate::{db, ids, projects, provisioning, roles, seats};

/// What one user shall get.
pub struct Asked {
    user: Id<User>,
    roles: Vec<Id<Role>>,
    projects: Vec<Id<Project>>,
    default_group: bool,
}

/// What becomes of it.
pub enum Verdict {
    /// It is given.
    Give(Given),
    /// The user got roles before: nothing is to do.
    Given,
    /// It is refused.
    Refuse(Error),
}

/// What one user gets.
pub struct Given {
    /// The user.
    pub user: Id<User>,
    /// The roles.
    pub roles: Vec<Id<Role>>,
    /// The projects on which; none for the tenant.
    pub projects: Vec<Id<Project>>,
    /// Whether the user joins the Default Group.
    pub default_group: bool,
    /// Whether a seat more is used.
    pub seat: bool,
}

/// What the decision depends on; it moves on with each set that is given.
pub struct Facts {
    roles: HashMap<Id<Role>, Facet>,
    default_role: Option<Id<Role>>,
    projects: HashSet<Id<Project>>,
    standings: HashMap<Id<User>, Standing>,
    authority: Authority,
    total_seats: i32,
    free_seats: i32,
}

/// What matters of a role here.
struct Facet {
    permits: Permissions,
    licensed: bool,
}

impl Asked {
    /// Reads the grants of a request.
    pub fn read(grants: &[Grants]) -> Result<Vec<Self>, Error> {
        let read = |grants: &Grants| {
            Ok(Self {
                user: grants.user_id.parse()?,
                roles: ids(&grants.role_ids)?,
                projects: ids(&grants.project_ids)?,
                default_group: grants.default_group,
            })
        };
        grants.iter().map(read).collect()
    }
}

impl Facts {
    /// Gathers the facts for these sets: a handful of queries, however many
    /// sets there are.
    pub async fn gather(tx: &mut Tx, caller: &Caller, asked: &[Asked]) -> Result<Self, Error> {
        let tenant = caller.tenant()?;
        let seats = db::seats::count(tx, tenant)
            .await?
            .ok_or_else(provisioning::unprepared)?;
        let users: Vec<_> = asked.iter().map(|asked| asked.user).collect();
        let named: HashSet<_> = asked
            .iter()
            .flat_map(|asked| asked.projects.iter().copied())
            .collect();
        let named: Vec<_> = named.into_iter().collect();
        let projects = if named.is_empty() {
            Vec::new()
        } else {
            db::projects::existing(tx, tenant, &named).await?
        };
        let roles = db::roles::all(tx, tenant, None).await?;
        let standings = db::subjects::standings(tx, tenant, &users).await?;
        Ok(Self {
            default_role: roles
                .iter()
                .find(|role| role.is_default)
                .map(|role| role.id),
            roles: roles
                .iter()
                .map(|role| {
                    (
                        role.id,
                        Facet {
                            permits: role.permits(),
                            licensed: role.licensed,
                        },
                    )
                })
                .collect(),
            authority: Authority::of(tx, caller, &projects).await?,
            projects: projects.into_iter().collect(),
            standings: standings
                .into_iter()
                .map(|standing| (standing.user, standing))
                .collect(),
            total_seats: seats.total,
            free_seats: seats.total - seats.used,
        })
    }

    /// Decides on the next set.
    pub fn decide(&mut self, asked: &Asked) -> Verdict {
        match self.standings.get(&asked.user) {
            Some(standing) if standing.erased => return Verdict::Refuse(user_not_found()),
            Some(standing) if standing.bound => return Verdict::Given,
            _ => {}
        }
        match self.give(asked) {
            Ok(given) => {
                self.free_seats -= i32::from(given.seat);
                let seated = Standing {
                    user: given.user,
                    erased: false,
                    bound: true,
                    seated: given.seat,
                };
                self.standings.insert(given.user, seated);
                Verdict::Give(given)
            }
            Err(refusal) => Verdict::Refuse(refusal),
        }
    }

    fn give(&self, asked: &Asked) -> Result<Given, Error> {
        let roles = if asked.roles.is_empty() {
            vec![self.default_role.ok_or_else(no_default_role)?]
        } else {
            asked.roles.clone()
        };
        if !asked
            .projects
            .iter()
            .all(|project| self.projects.contains(project))
        {
            return Err(projects::not_found());
        }
        let mut licensed = false;
        for role in &roles {
            let role = self.roles.get(role).ok_or_else(roles::not_found)?;
            licensed |= role.licensed;
            if asked.projects.is_empty() {
                self.authority.covers(&role.permits, None)?;
            }
            for project in &asked.projects {
                self.authority.covers(&role.permits, Some(*project))?;
            }
        }
        if asked.default_group {
            self.authority.covers_all_projects()?;
        }
        let seated = self
            .standings
            .get(&asked.user)
            .is_some_and(|standing| standing.seated);
        let seat = licensed && !seated;
        if seat && self.free_seats == 0 {
            return Err(seats::exhausted(self.total_seats));
        }
        let projects = asked.projects.clone();
        Ok(Given {
            user: asked.user,
            roles,
            projects,
            default_group: asked.default_group,
            seat,
        })
    }
}

fn no_default_role() -> Error {
    ErrorReason::RoleNotFound.because("this tenant has no default role: name one")
}

#[cfg(test)]
mod tests;

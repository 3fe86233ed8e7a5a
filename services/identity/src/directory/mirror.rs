//! Follows authorization. An event that comes again changes nothing.

use contract::{
    Id,
    authorization::{Event, GrantsReleased, GrantsReserved, Group, Role, RoleBinding, event::Kind},
    feed,
    identity::{Tenant, User},
};
use rpc::Error;
use store::Tx;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    db::{directories, seats},
    sessions,
};

/// Makes the mirror follow the feed of authorization.
#[derive(Clone)]
pub struct Mirror {
    /// Told of every step.
    pub moved: watch::Sender<()>,
}

#[tonic::async_trait]
impl ::feed::Consumer for Mirror {
    type Event = Event;

    const PRODUCER: &'static str = "authorization";
    const NAME: &'static str = "directory";

    async fn apply(&self, tx: &mut Tx, _: &feed::Event, event: Event) -> Result<(), Error> {
        let Some(kind) = event.kind else {
            // Published by a newer release.
            return Ok(());
        };
        let tenant = tx
            .tenant_id()
            .ok_or_else(|| Error::fault("an event without a tenant"))?;
        directories::lock(tx, tenant).await?;
        let revision = match kind {
            Kind::RoleBindingCreated(fact) => {
                give(tx, tenant, fact.binding.unwrap_or_default()).await?;
                fact.revision
            }
            Kind::RoleBindingDeleted(fact) => {
                take(tx, tenant, fact.binding.unwrap_or_default()).await?;
                fact.revision
            }
            Kind::GrantsReserved(fact) => reserve(tx, tenant, fact).await?,
            Kind::GrantsReleased(fact) => release(tx, tenant, fact).await?,
            Kind::GroupMemberAdded(fact) => {
                let group = [fact.group_id.parse()?];
                directories::join(tx, tenant, fact.user_id.parse()?, &group).await?;
                fact.revision
            }
            Kind::GroupMemberRemoved(fact) => {
                let group = [fact.group_id.parse()?];
                directories::leave(tx, tenant, fact.user_id.parse()?, &group).await?;
                fact.revision
            }
            Kind::UserErased(fact) => {
                directories::forget(tx, tenant, fact.user_id.parse()?).await?;
                fact.revision
            }
            Kind::LicensedRolesSet(fact) => {
                let roles = ids::<Role>(&fact.role_ids)?;
                seats::set_licensed_roles(tx, tenant, &roles).await?;
                return Ok(());
            }
            // Changes nothing that users are found by, and is a revision.
            Kind::TenantPrepared(fact) => fact.revision,
            Kind::GrantsActivated(fact) => fact.revision,
            Kind::UserSuspended(fact) => fact.revision,
            Kind::UserResumed(fact) => fact.revision,
            Kind::ProjectCreated(fact) => fact.revision,
            Kind::LicenseUpdated(_) => return Ok(()),
        };
        directories::advance(tx, tenant, revision.parse()?).await?;
        let moved = self.moved.clone();
        tx.after_commit(move || moved.send_replace(()));
        Ok(())
    }
}

async fn give(tx: &mut Tx, tenant: Id<Tenant>, binding: RoleBinding) -> Result<(), Error> {
    let user = binding.user_id.parse()?;
    let role = place(&binding.role_id, &binding.project_id)?;
    directories::give(tx, tenant, user, &[role]).await?;
    sessions::end_unproven_of(tx, tenant, user, &[role.0]).await?;
    Ok(seats::reseat(tx, tenant, user).await?)
}

async fn take(tx: &mut Tx, tenant: Id<Tenant>, binding: RoleBinding) -> Result<(), Error> {
    let user = binding.user_id.parse()?;
    let role = place(&binding.role_id, &binding.project_id)?;
    directories::take(tx, tenant, user, &[role]).await?;
    Ok(seats::reseat(tx, tenant, user).await?)
}

async fn reserve(tx: &mut Tx, tenant: Id<Tenant>, fact: GrantsReserved) -> Result<String, Error> {
    let user: Id<User> = fact.user_id.parse()?;
    let on_tenant = [String::new()];
    let projects = match fact.project_ids.as_slice() {
        [] => &on_tenant,
        some => some,
    };
    let mut roles = Vec::new();
    for role in &fact.role_ids {
        for project in projects {
            roles.push(place(role, project)?);
        }
    }
    directories::give(tx, tenant, user, &roles).await?;
    let given: Vec<Uuid> = roles.iter().map(|(role, _)| *role).collect();
    sessions::end_unproven_of(tx, tenant, user, &given).await?;
    if !fact.group_id.is_empty() {
        directories::join(tx, tenant, user, &[fact.group_id.parse()?]).await?;
    }
    seats::reseat(tx, tenant, user).await?;
    Ok(fact.revision)
}

async fn release(tx: &mut Tx, tenant: Id<Tenant>, fact: GrantsReleased) -> Result<String, Error> {
    let user = fact.user_id.parse()?;
    let roles = fact
        .roles
        .iter()
        .map(|role| place(&role.role_id, &role.project_id))
        .collect::<Result<Vec<_>, _>>()?;
    directories::take(tx, tenant, user, &roles).await?;
    directories::leave(tx, tenant, user, &ids::<Group>(&fact.group_ids)?).await?;
    seats::reseat(tx, tenant, user).await?;
    Ok(fact.revision)
}

/// A role, and on which project it is held; on the tenant where none is named.
fn place(role: &str, project: &str) -> Result<(Uuid, Option<Uuid>), Error> {
    let project = (!project.is_empty()).then(|| project.parse()).transpose()?;
    Ok((role.parse()?, project))
}

fn ids<K>(texts: &[String]) -> Result<Vec<Id<K>>, Error> {
    Ok(texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?)
}

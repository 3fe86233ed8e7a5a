//! `CreateRoleBinding`.

use contract::authorization::{
    CreateRoleBindingRequest, CreateRoleBindingResponse, Project, Role, RoleBindingCreated,
};
use contract::identity::User;
use rpc::{Caller, Error, Id};
use store::Tx;

use super::{Authority, begin_about};
use crate::revisions::announce;
use crate::{Authorization, db, optional_id, projects, provisioning, roles, seats};

struct Wanted {
    user: Id<User>,
    role: Id<Role>,
    project: Option<Id<Project>>,
}

/// Gives the role and, where it uses one, the seat.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: CreateRoleBindingRequest,
) -> Result<CreateRoleBindingResponse, Error> {
    let tenant = caller.tenant()?;
    let wanted = Wanted {
        user: ask.user_id.parse()?,
        role: ask.role_id.parse()?,
        project: optional_id(&ask.project_id)?,
    };
    let (mut tx, target) = begin_about(app, caller, &ask, wanted.user).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    seats::refuse_early(&mut tx, tenant, wanted.user, wanted.role).await?;
    let revision = db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    target.settle(&mut tx, tenant).await?;
    let licensed = may_give(&mut tx, caller, &wanted).await?;
    if let Some(id) =
        db::bindings::find(&mut tx, tenant, wanted.user, wanted.role, wanted.project).await?
    {
        let binding = db::bindings::get(&mut tx, tenant, id).await?;
        let reply = CreateRoleBindingResponse {
            binding: binding.as_ref().map(Into::into),
            revision: revision.to_string(),
        };
        return tx.commit(reply).await;
    }
    if licensed {
        seats::take(&mut tx, tenant, wanted.user).await?;
    }
    let mut new = db::bindings::New::default();
    let id = new.push(wanted.user, wanted.role, wanted.project);
    db::bindings::insert(&mut tx, tenant, &new, false).await?;
    let binding = db::bindings::get(&mut tx, tenant, id)
        .await?
        .as_ref()
        .map(Into::into);
    let revision = db::tenants::advance(&mut tx, tenant, 1).await?.to_string();
    announce(
        &app.cache,
        &mut tx,
        RoleBindingCreated {
            binding: binding.clone(),
            revision: revision.clone(),
        },
    );
    tx.commit(CreateRoleBindingResponse { binding, revision })
        .await
}

/// Whether the role uses a seat, where the caller may give it there.
async fn may_give(tx: &mut Tx, caller: &Caller, wanted: &Wanted) -> Result<bool, Error> {
    let tenant = caller.tenant()?;
    let role = db::roles::get(tx, tenant, wanted.role)
        .await?
        .ok_or_else(roles::not_found)?;
    let project = wanted.project.as_slice();
    if !project.is_empty()
        && db::projects::existing(tx, tenant, project)
            .await?
            .is_empty()
    {
        return Err(projects::not_found());
    }
    Authority::of(tx, caller, project)
        .await?
        .covers(&role.permits(), wanted.project)?;
    Ok(role.licensed)
}

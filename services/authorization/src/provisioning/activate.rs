//! `ActivateGrants`.

use contract::authorization::{
    ActivateGrantsRequest, ActivateGrantsResponse, GrantsActivated, GrantsReleased,
};
use contract::identity::{Tenant, User};
use rpc::{Caller, Error, Id};
use store::Tx;

use super::unprepared;
use crate::bindings::{Authority, admins};
use crate::check;
use crate::revisions::announce;
use crate::roles::permissions::Permission;
use crate::{Authorization, db, optional_id};

/// Makes what waits live; the seat stays the same seat. What the grantor could
/// not give any more is taken back: an invitation does not outlive the fall of
/// its inviter (requirement A-04).
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ActivateGrantsRequest,
) -> Result<ActivateGrantsResponse, Error> {
    let tenant = caller.tenant()?;
    let user = ask.user_id.parse()?;
    let grantor = grantor(app, tenant, &ask).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    let mut revision = db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(unprepared)?;
    if let Some(grantor) = &grantor
        && let Some(taken) = take_back(&mut tx, grantor, user).await?
    {
        revision = db::tenants::advance(&mut tx, tenant, 1).await?;
        let fact = GrantsReleased {
            user_id: ask.user_id.clone(),
            revision: revision.to_string(),
            ..taken
        };
        announce(&app.cache, &mut tx, fact);
    }
    let bindings = db::bindings::activate(&mut tx, tenant, user).await?;
    let memberships = db::groups::activate(&mut tx, tenant, user).await?;
    if bindings + memberships > 0 {
        revision = db::tenants::advance(&mut tx, tenant, 1).await?;
        let fact = GrantsActivated {
            user_id: ask.user_id,
            revision: revision.to_string(),
        };
        announce(&app.cache, &mut tx, fact);
    }
    tx.commit(ActivateGrantsResponse {
        revision: revision.to_string(),
    })
    .await
}

/// Who gave the grants, as if they called now; `None` for the suite itself.
async fn grantor(
    app: &Authorization,
    tenant: Id<Tenant>,
    ask: &ActivateGrantsRequest,
) -> Result<Option<Caller>, Error> {
    let Some(user) = optional_id::<User>(&ask.grantor_user_id)? else {
        return Ok(None);
    };
    let home = optional_id(&ask.grantor_home_tenant_id)?.unwrap_or(tenant);
    let at_home = Caller::acting("authorization", home, Some(user));
    let operates = home != tenant
        && check::load(app, &at_home, &[user], 0)
            .await?
            .and_then(|loaded| Some(loaded.view(user)?.allows(Permission::TENANTS_OPERATE, None)))
            .unwrap_or_default();
    // Who operates no more is here what any stranger is: nobody.
    Ok(Some(Caller {
        tenant: Some(tenant),
        home: Some(if operates { home } else { tenant }),
        ..at_home
    }))
}

/// Takes back what waits for the user and exceeds the grantor. What that was, if
/// there was any.
async fn take_back(
    tx: &mut Tx,
    grantor: &Caller,
    user: Id<User>,
) -> Result<Option<GrantsReleased>, Error> {
    let tenant = grantor.tenant()?;
    let mut waiting = db::bindings::of_user(tx, tenant, user).await?;
    waiting.retain(|binding| binding.pending);
    let roles = db::roles::all(tx, tenant, None).await?;
    let projects: Vec<_> = waiting.iter().filter_map(|one| one.project_id).collect();
    let authority = Authority::of(tx, grantor, &projects).await?;
    // Whom identity was let go gives nothing from then on, also before its event
    // is heard of.
    let leaves = db::subjects::leaves(tx, tenant, grantor.user()?).await?;
    let mut taken = GrantsReleased::default();
    for binding in waiting {
        let permits = admins::permits(&roles, &binding);
        if leaves || authority.covers(&permits, binding.project_id).is_err() {
            db::bindings::delete(tx, tenant, binding.id).await?;
            let gone = db::bindings::Waiting {
                user_id: user,
                role_id: binding.role_id,
                project_id: binding.project_id,
            };
            taken.roles.push(gone.into());
        }
    }
    if leaves || authority.covers_all_projects().is_err() {
        let left = db::groups::forget_pending(tx, tenant, &[user]).await?;
        let groups = left.into_iter().map(|(_, group)| group.to_string());
        taken.group_ids = groups.collect();
    }
    if taken == GrantsReleased::default() {
        return Ok(None);
    }
    db::seats::free(tx, tenant, &[user]).await?;
    Ok(Some(taken))
}

//! `AuthorizeUserChange`.

use contract::authorization::{AuthorizeUserChangeRequest, AuthorizeUserChangeResponse};
use contract::identity::User;
use rpc::{Caller, Error, Id};

use super::unprepared;
use crate::bindings::{Authority, admins};
use crate::{Authorization, db};

/// Nobody decides over who may do more than they, and one admin stays
/// (requirement A-04). Who is let go is no admin any more when the next is
/// asked for, so two who remove each other do not both succeed.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: AuthorizeUserChangeRequest,
) -> Result<AuthorizeUserChangeResponse, Error> {
    let tenant = caller.tenant()?;
    let user: Id<User> = ask.user_id.parse()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(unprepared)?;
    let roles = db::roles::all(&mut tx, tenant, None).await?;
    let held = db::bindings::of_user(&mut tx, tenant, user).await?;
    let projects: Vec<_> = held.iter().filter_map(|held| held.project_id).collect();
    let authority = Authority::of(&mut tx, caller, &projects).await?;
    for binding in &held {
        authority.covers(&admins::permits(&roles, binding), binding.project_id)?;
    }
    if ask.leaves {
        if held.iter().any(|held| admins::counts(&roles, held)) {
            admins::another_stays(&mut tx, tenant, &roles, None, Some(user)).await?;
        }
        db::subjects::leave(&mut tx, tenant, user).await?;
    }
    tx.commit(AuthorizeUserChangeResponse {}).await
}

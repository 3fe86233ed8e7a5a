//! `Check`.

use contract::authorization::{CheckRequest, CheckResponse, Project};
use contract::identity::User;
use rpc::{Caller, Error, Id};

use super::load::load;
use crate::roles::permissions::Permission;
use crate::{Authorization, optional_id, revisions};

/// Decides from memory where it can.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: CheckRequest,
) -> Result<CheckResponse, Error> {
    let user: Id<User> = match optional_id(&ask.user_id)? {
        Some(user) => user,
        None => caller.user()?,
    };
    let project: Option<Id<Project>> = optional_id(&ask.project_id)?;
    let permission = Permission::named(&ask.permission);
    let at_least = revisions::read(&ask.at_least_revision)?;
    let allows = |view: super::View<'_>| {
        permission.is_some_and(|permission| view.allows(permission, project))
    };
    let (allowed, revision) = match app.cache.ask(caller.tenant()?, user, at_least, allows) {
        Some(decided) => decided,
        None => match load(app, caller, &[user], at_least).await? {
            Some(loaded) => (loaded.view(user).is_some_and(allows), loaded.revision),
            None => (false, 0),
        },
    };
    Ok(CheckResponse {
        allowed,
        revision: revision.to_string(),
    })
}

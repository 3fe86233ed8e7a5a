//! Creates invited users, each on its own. Doing it again changes nothing.

use std::collections::HashSet;

use contract::{
    Id,
    identity::{
        CreateInvitedUsersRequest, CreateInvitedUsersResponse, Event, InvitedUserOutcome, User,
        UserCreated,
    },
};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{
    Identity,
    db::{self, users::Invited},
    users::{nameless, names::Names},
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateInvitedUsersRequest,
) -> Result<CreateInvitedUsersResponse, Error> {
    let tenant = caller.tenant()?;
    let invited = columns(&ask)?;
    let mut tx = app.store.tenant(tenant, caller).await?;
    let inserted = db::users::insert_invited(&mut tx, tenant, &invited).await?;
    for row in db::users::find(&mut tx, tenant, &[], &inserted).await? {
        tx.publish(Event::from(UserCreated {
            user: Some(nameless(row.into())),
        }));
    }
    let there = db::users::existing(&mut tx, tenant, &invited.ids, &invited.email_keys).await?;
    tx.done().await?;

    let there: HashSet<Id<User>> = there.into_iter().map(Id::from_uuid).collect();
    let outcome = |user_id: String| {
        let created = user_id.parse().is_ok_and(|id| there.contains(&id));
        InvitedUserOutcome { user_id, created }
    };
    let outcomes = ask
        .users
        .into_iter()
        .map(|user| outcome(user.user_id))
        .collect();
    Ok(CreateInvitedUsersResponse { outcomes })
}

/// The users by column. One whose address cannot be kept is left out, and so
/// not created.
fn columns(ask: &CreateInvitedUsersRequest) -> Result<Invited, Error> {
    let mut invited = Invited::default();
    for user in &ask.users {
        let Some(names) = Names::of(&user.first_name, &user.last_name, "", &user.email) else {
            continue;
        };
        invited.ids.push(user.user_id.parse::<Uuid>()?);
        invited.first_names.push(names.first_name);
        invited.last_names.push(names.last_name);
        invited.emails.push(names.email);
        invited.languages.push(user.language.clone());
        invited.username_keys.push(names.username_key);
        invited.email_keys.push(names.email_key);
        invited.sort_keys.push(names.sort_key);
    }
    Ok(invited)
}

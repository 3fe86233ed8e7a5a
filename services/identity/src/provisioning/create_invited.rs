//! Creates invited users, each on its own. Doing it again changes nothing.

use std::collections::HashSet;

use contract::identity::{
    CreateInvitedUsersRequest, CreateInvitedUsersResponse, Event, InvitedUserOutcome, UserCreated,
};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{
    Identity,
    db::{self, domains::Row as Domain, users::Invited},
    domains,
    users::{nameless, names::Names},
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateInvitedUsersRequest,
) -> Result<CreateInvitedUsersResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.tenant(tenant, caller).await?;
    // They stay until the users are there.
    let proven = db::domains::hold_proven(&mut tx, tenant).await?;
    let invited = columns(&ask, &proven)?;
    let inserted = db::users::insert_invited(&mut tx, tenant, &invited).await?;
    for row in db::users::find(&mut tx, tenant, &[], &inserted).await? {
        tx.publish(Event::from(UserCreated {
            user: Some(nameless(row.into())),
        }));
    }
    let there = db::users::existing(&mut tx, tenant, &invited.ids, &invited.email_keys).await?;
    tx.done().await?;

    let there: HashSet<Uuid> = there.into_iter().collect();
    let elsewhere: HashSet<Uuid> = invited
        .ids
        .iter()
        .zip(&invited.on_domain)
        .filter_map(|(id, on_domain)| (!on_domain).then_some(*id))
        .collect();
    let outcome = |user_id: String| {
        let among = |ids: &HashSet<Uuid>| user_id.parse().is_ok_and(|id| ids.contains(&id));
        let created = among(&there);
        InvitedUserOutcome {
            created,
            off_domain: !created && among(&elsewhere),
            user_id,
        }
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
fn columns(ask: &CreateInvitedUsersRequest, proven: &[Domain]) -> Result<Invited, Error> {
    let mut invited = Invited::default();
    for user in &ask.users {
        let Some(names) = Names::of(&user.first_name, &user.last_name, "", &user.email) else {
            continue;
        };
        let on_domain = domains::settled(proven, &names.username).is_ok();
        invited.on_domain.push(on_domain);
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

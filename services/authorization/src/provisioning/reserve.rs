//! `ReserveGrants`.

use contract::authorization::{
    GrantsOutcome, GrantsReserved, Group, ReserveGrantsRequest, ReserveGrantsResponse,
};
use contract::identity::Tenant;
use rpc::{Caller, Error, Id};
use store::Tx;

use super::plan::{Asked, Facts, Given, Verdict};
use super::unprepared;
use crate::revisions::{Revision, announce};
use crate::{Authorization, db};

/// Gives what can be given, all in one transaction of a few statements.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: ReserveGrantsRequest,
) -> Result<ReserveGrantsResponse, Error> {
    let tenant = caller.tenant()?;
    let asked = Asked::read(&ask.grants)?;
    let mut tx = app.store.begin(caller, &ask).await?;
    let mut revision = db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(unprepared)?;
    let mut facts = Facts::gather(&mut tx, caller, &asked).await?;
    let mut given = Vec::new();
    let mut outcomes = Vec::with_capacity(asked.len());
    for (asked, grants) in asked.iter().zip(ask.grants) {
        let mut outcome = GrantsOutcome {
            user_id: grants.user_id,
            ..GrantsOutcome::default()
        };
        match facts.decide(asked) {
            Verdict::Give(one) => given.push(one),
            Verdict::Given => {}
            Verdict::Refuse(error) => refuse(&mut outcome, error)?,
        }
        outcomes.push(outcome);
    }
    if !given.is_empty() {
        let group = write(&mut tx, tenant, &given).await?;
        revision = publish(app, &mut tx, tenant, given, group).await?;
    }
    tx.commit(ReserveGrantsResponse {
        outcomes,
        revision: revision.to_string(),
    })
    .await
}

/// Says why in the outcome; what is no refusal fails the call.
fn refuse(outcome: &mut GrantsOutcome, error: Error) -> Result<(), Error> {
    let Some((domain, reason)) = error.reason() else {
        return Err(error);
    };
    domain.clone_into(&mut outcome.refusal_domain);
    reason.clone_into(&mut outcome.refusal);
    error.message().clone_into(&mut outcome.message);
    Ok(())
}

/// Answers the Default Group, where anybody joins it.
async fn write(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    given: &[Given],
) -> Result<Option<Id<Group>>, Error> {
    let users: Vec<_> = given.iter().map(|given| given.user).collect();
    db::subjects::learn(tx, tenant, &users, false).await?;
    let seated: Vec<_> = given
        .iter()
        .filter(|given| given.seat)
        .map(|given| given.user)
        .collect();
    if !seated.is_empty() {
        let counted = i32::try_from(db::seats::hold(tx, tenant, &seated).await?)?;
        if !db::seats::take(tx, tenant, counted).await? {
            return Err(Error::fault(
                "the seats were counted under the lock of the tenant",
            ));
        }
    }
    let mut new = db::bindings::New::default();
    for given in given {
        for role in &given.roles {
            if given.projects.is_empty() {
                new.push(given.user, *role, None);
            }
            for project in &given.projects {
                new.push(given.user, *role, Some(*project));
            }
        }
    }
    db::bindings::insert(tx, tenant, &new, true).await?;
    let joining: Vec<_> = given
        .iter()
        .filter(|given| given.default_group)
        .map(|given| given.user)
        .collect();
    if joining.is_empty() {
        return Ok(None);
    }
    Ok(db::groups::join_pending(tx, tenant, &joining).await?)
}

/// One event, and so one revision, a user; answers the last.
async fn publish(
    app: &Authorization,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    given: Vec<Given>,
    group: Option<Id<Group>>,
) -> Result<Revision, Error> {
    let count = i64::try_from(given.len())?;
    let last = db::tenants::advance(tx, tenant, count).await?;
    for (revision, given) in (last - count + 1..).zip(given) {
        let fact = GrantsReserved {
            user_id: given.user.to_string(),
            role_ids: given.roles.iter().map(ToString::to_string).collect(),
            project_ids: given.projects.iter().map(ToString::to_string).collect(),
            default_group: given.default_group,
            seat: given.seat,
            revision: revision.to_string(),
            group_id: group
                .filter(|_| given.default_group)
                .map(|group| group.to_string())
                .unwrap_or_default(),
        };
        announce(&app.cache, tx, fact);
    }
    Ok(last)
}

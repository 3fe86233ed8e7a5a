//! Changes the policy of the tenant of a call.

use contract::{
    errors,
    identity::{Event, Policy, PolicyUpdated, UpdatePolicyRequest, UpdatePolicyResponse},
};
use rpc::{Because as _, Caller, Error};

use super::check;
use crate::{
    Identity,
    db::{self, policies::Row},
    masks, sessions,
};

/// What a caller cannot set.
const FIXED: [&str; 2] = ["update_time", "etag"];

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: UpdatePolicyRequest,
) -> Result<UpdatePolicyResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::policies::hold(&mut tx, tenant).await?;
    let before = super::read(&mut tx, tenant).await?;
    let version = before.version;
    if !ask.etag.is_empty() && ask.etag != version.to_string() {
        return Err(changed(version));
    }
    let was = Policy::from(before.clone());
    let (given, mask) = (
        ask.policy.unwrap_or_default(),
        ask.update_mask.unwrap_or_default(),
    );
    let wanted = check::row(masks::merge(&was, &given, &mask, &FIXED)?, &before)?;
    db::policies::update(&mut tx, tenant, version, &wanted)
        .await?
        .ok_or_else(|| changed(version))?;
    if wanted.password_max_age != before.password_max_age {
        let age = Some(wanted.password_max_age).filter(|age| *age > 0);
        db::passwords::untell(&mut tx, tenant, age.map(Row::span)).await?;
    }
    let asked = |row: &Row| (row.mfa_policy.clone(), row.factor_required_role_ids.clone());
    if asked(&wanted) != asked(&before) {
        sessions::end_unproven(app, &mut tx, tenant, caller.session).await?;
    }
    let policy = Policy::from(super::read(&mut tx, tenant).await?);
    tx.publish(Event::from(PolicyUpdated {
        before: Some(was),
        after: Some(policy.clone()),
    }));
    tx.commit(UpdatePolicyResponse {
        policy: Some(policy),
    })
    .await
}

fn changed(version: i64) -> Error {
    errors::ErrorReason::EtagMismatch
        .because("somebody changed the policy or the tenant since it was read")
        .with("etag", version)
}

//! One user of an operation.

use std::time::Duration;

use contract::identity::{BulkAction, User};
use contract::{Id, Reason as _, authorization, errors, identity, invitation};
use rpc::{Caller, Error};
use store::Tx;
use tonic::Code;

use super::LEASE;
use crate::{
    Identity,
    bulk::action,
    db::{
        bulk_operations::{self, Claimed},
        bulk_results::{self, Outcome},
    },
};

/// How often a user is tried on whom something breaks, and how long that waits.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

const DONE: Outcome<'_> = Outcome {
    became: "DONE",
    reason: "",
    reason_domain: "",
};
/// There was nothing to change.
const UNCHANGED: Outcome<'_> = Outcome {
    became: "SKIPPED",
    ..DONE
};

/// Where an operation is after a step.
pub enum Step {
    /// The next user has a result.
    Moved,
    /// Another worker has the operation, or a caller ended it.
    Lost,
    /// It is to end in this state.
    Over(&'static str),
}

/// Does it to the next user, if who asked for the operation still may. An error
/// says that something is away: the user is to be tried again later.
pub async fn run(app: &Identity, caller: &Caller, claimed: &Claimed) -> Result<Step, Error> {
    let action = action::named(&claimed.action)?;
    let Some(user) = next(app, caller, claimed).await? else {
        return Ok(Step::Over("DONE"));
    };
    if !may_act(app, caller, claimed).await? {
        return Ok(Step::Over("DENIED"));
    }
    if let Err(error) = action::demand(app, caller, action).await {
        return if error.is(errors::ErrorReason::PermissionDenied) {
            Ok(Step::Over("DENIED"))
        } else {
            Err(error)
        };
    }
    let mut attempt = 1;
    let error = loop {
        match change(app, caller, claimed, action, user).await {
            Ok(step) => return Ok(step),
            Err(error) if is_away(&error) => return Err(error),
            // A fault may pass; it may also be that user's for ever.
            Err(error) if error.reason().is_none() && attempt < ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => break error,
        }
    };
    let mut tx = app.store.tenant(claimed.tenant_id, caller).await?;
    let moved = settle(&mut tx, claimed, &refusal(claimed, &error)).await?;
    tx.done().await?;
    Ok(moved)
}

/// Whether who asked for the operation could still call: authorization does not
/// hear of locks, and hears of the rest a moment later.
async fn may_act(app: &Identity, caller: &Caller, claimed: &Claimed) -> Result<bool, Error> {
    let mut tx = app.store.tenant(claimed.home, caller).await?;
    Ok(bulk_operations::may_act(&mut tx, claimed.home, claimed.user).await?)
}

/// Whose turn it is.
async fn next(
    app: &Identity,
    caller: &Caller,
    claimed: &Claimed,
) -> Result<Option<Id<User>>, Error> {
    let (tenant, place) = (claimed.tenant_id, claimed.checkpoint + 1);
    let mut tx = app.store.tenant(tenant, caller).await?;
    Ok(bulk_results::user_at(&mut tx, tenant, claimed.id, place).await?)
}

/// The change and its result, both or neither.
async fn change(
    app: &Identity,
    caller: &Caller,
    claimed: &Claimed,
    action: BulkAction,
    user: Id<User>,
) -> Result<Step, Error> {
    action::authorize(app, caller, action, user).await?;
    let mut tx = app.store.tenant(claimed.tenant_id, caller).await?;
    let changed = action::apply(app, &mut tx, claimed.tenant_id, action, user).await?;
    let outcome = if changed { &DONE } else { &UNCHANGED };
    match settle(&mut tx, claimed, outcome).await? {
        Step::Moved => tx.done().await.map(|()| Step::Moved),
        // Nothing was done: it is another's to do, or nobody's.
        step => Ok(step),
    }
}

async fn settle(tx: &mut Tx, claimed: &Claimed, outcome: &Outcome<'_>) -> Result<Step, Error> {
    if !bulk_operations::advance(tx, claimed, outcome.became, LEASE).await? {
        return Ok(Step::Lost);
    }
    let (tenant, place) = (claimed.tenant_id, claimed.checkpoint + 1);
    bulk_results::set(tx, tenant, claimed.id, place, outcome).await?;
    Ok(Step::Moved)
}

/// Whether no user is to blame, however long it takes.
fn is_away(error: &Error) -> bool {
    let away = matches!(
        error.code(),
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::Cancelled
            // Our own token may have run out on the way.
            | Code::Unauthenticated
    );
    away || error.is(errors::ErrorReason::RateLimited)
}

/// What a refusal means for a user.
fn refusal<'a>(claimed: &Claimed, error: &'a Error) -> Outcome<'a> {
    let Some((reason_domain, reason)) = error.reason() else {
        tracing::error!(operation = %claimed.id, %error, "a user of a bulk operation is given up");
        return Outcome {
            became: "REFUSED",
            reason: errors::ErrorReason::Internal.name(),
            reason_domain: errors::ErrorReason::DOMAIN,
        };
    };
    let passed_over = error.is(identity::ErrorReason::OwnAccount)
        || error.is(authorization::ErrorReason::LastAdmin)
        || error.is(invitation::ErrorReason::InvitationNotFound);
    Outcome {
        became: if passed_over { "SKIPPED" } else { "REFUSED" },
        reason,
        reason_domain,
    }
}

//! Taking an invitation back.

use contract::{
    authorization::AuthorizeUserChangeRequest,
    invitation::{
        ErrorReason, Event, InvitationRevoked, RevokeInvitationRequest, RevokeInvitationResponse,
    },
};
use rpc::{Because as _, Caller, Error};
use store::Tx;

use super::{named, not_found};
use crate::{
    Invitation,
    db::{
        InvitationId, Lease,
        invitations::{self, Row, State, answers},
    },
    patience::Patience,
    unfinished,
};

/// The invitation is gone with the commit; that the roles and the seat are too
/// is asked of authorization right after, and by the worker where that fails.
pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: RevokeInvitationRequest,
) -> Result<RevokeInvitationResponse, Error> {
    let id = named(&ask.invitation_id)?;
    if let Some(reply) = authorize(app, caller, &ask, id).await? {
        return Ok(reply);
    }
    let lease = Lease::new();
    let mut patience = Patience::new();
    loop {
        let mut tx = app.store.begin(caller, &ask).await?;
        if let Some(reply) = tx.replay()? {
            return Ok(reply);
        }
        let Some(row) = revoke(&mut tx, caller, id, lease).await? else {
            // Somebody is accepting right now, and may fail.
            drop(tx);
            patience.wait().await?;
            continue;
        };
        tx.publish(Event::from(InvitationRevoked {
            invitation_id: row.id.to_string(),
            user_id: row.user_id.to_string(),
        }));
        let reply = tx.commit(RevokeInvitationResponse {}).await?;
        if let Err(error) = unfinished::settle(app, caller, &row, lease).await {
            tracing::warn!(%error, "the roles of a revoked invitation are released later");
        }
        return Ok(reply);
    }
}

/// Refuses where the roles that wait exceed the caller's permissions.
/// Asked first, and no transaction waits for the answer; where the request was
/// carried out before, its reply is all there is.
async fn authorize(
    app: &Invitation,
    caller: &Caller,
    ask: &RevokeInvitationRequest,
    id: InvitationId,
) -> Result<Option<RevokeInvitationResponse>, Error> {
    let mut tx = app.store.begin(caller, ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(Some(reply));
    }
    let row = invitations::get(&mut tx, caller.tenant()?, id)
        .await?
        .ok_or_else(not_found)?;
    drop(tx);
    let change = AuthorizeUserChangeRequest {
        user_id: row.user_id.to_string(),
        leaves: false,
    };
    app.peers
        .grants(caller)
        .authorize_user_change(change)
        .await?;
    Ok(None)
}

/// `None` while it is being accepted.
async fn revoke(
    tx: &mut Tx,
    caller: &Caller,
    id: InvitationId,
    lease: Lease,
) -> Result<Option<Row>, Error> {
    let tenant = caller.tenant()?;
    if let Some(row) = answers::revoke(tx, tenant, id, lease).await? {
        return Ok(Some(row));
    }
    let row = invitations::get(tx, tenant, id)
        .await?
        .ok_or_else(not_found)?;
    match row.state {
        State::Accepted => {
            Err(ErrorReason::InvitationAccepted.because("the invitation was accepted before"))
        }
        State::Preparing | State::Pending | State::Accepting | State::Declined => Ok(None),
    }
}

//! Sending the mail of an invitation again.

use contract::invitation::{
    ErrorReason, Event, InvitationResent, ResendInvitationRequest, ResendInvitationResponse,
};
use rpc::{Because as _, Caller, Error};
use store::Tx;

use super::{
    batch::{self, email_key},
    named, not_found, shape,
};
use crate::{
    Invitation,
    db::{
        InvitationId, MailId,
        invitations::{self, Row, State},
        mails::{self, Priority},
    },
    limit::{MOST_AN_HOUR, too_many_mails},
    patience::Patience,
};

pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: ResendInvitationRequest,
) -> Result<ResendInvitationResponse, Error> {
    let id = named(&ask.invitation_id)?;
    let mut patience = Patience::new();
    loop {
        let mut tx = app.store.begin(caller, &ask).await?;
        if let Some(reply) = tx.replay()? {
            return Ok(reply);
        }
        let Some(row) = send_again(app, &mut tx, caller, id).await? else {
            // Somebody is accepting right now, and may fail.
            drop(tx);
            patience.wait().await?;
            continue;
        };
        return tx
            .commit(ResendInvitationResponse {
                invitation: Some(shape::invitation(row)),
            })
            .await;
    }
}

/// Sends the mail of an invitation again; `None` while it is being accepted.
pub(super) async fn send_again(
    app: &Invitation,
    tx: &mut Tx,
    caller: &Caller,
    id: InvitationId,
) -> Result<Option<Row>, Error> {
    let Some(row) = renew(tx, caller, id).await? else {
        return Ok(None);
    };
    tx.publish(Event::from(InvitationResent {
        invitation_id: row.id.to_string(),
        user_id: row.user_id.to_string(),
    }));
    let wake = app.mail_queued.clone();
    tx.after_commit(move || wake.notify_one());
    Ok(Some(row))
}

/// The renewed invitation with a mail in the queue; `None` while it is being
/// accepted.
async fn renew(tx: &mut Tx, caller: &Caller, id: InvitationId) -> Result<Option<Row>, Error> {
    let tenant = caller.tenant()?;
    let mail = MailId::new();
    let renewed = invitations::renew(tx, tenant, id, mail).await?;
    let row = invitations::get(tx, tenant, id)
        .await?
        .ok_or_else(not_found)?;
    if renewed {
        mails::drop_waiting(tx, tenant, id).await?;
        // Under the lock of the row, so that two are not both the last.
        let full = mails::full(tx, tenant, &[email_key(&row.email)], MOST_AN_HOUR).await?;
        if let Some(full) = full.first() {
            return Err(too_many_mails(full));
        }
        mails::queue_invitations(tx, tenant, Priority::High, &[batch::mail(&row, mail)]).await?;
        return Ok(Some(row));
    }
    match row.state {
        State::Accepted => {
            Err(ErrorReason::InvitationAccepted.because("the invitation was accepted before"))
        }
        State::Declined => {
            Err(ErrorReason::InvitationDeclined.because("the invitation was declined"))
        }
        State::Preparing | State::Pending | State::Accepting => Ok(None),
    }
}

//! Declining: the roles, the seat and the user go.

use contract::invitation::{
    DeclineInvitationRequest, DeclineInvitationResponse, Event, InvitationDeclined,
};
use rpc::{Caller, Error};

use super::link::{self, Link};
use crate::{
    Invitation,
    db::{
        Lease,
        invitations::{self, Row, answers},
    },
    patience::Patience,
    unfinished,
};

/// The answer is kept with the commit; that the seat is free and the user gone
/// is asked of the other services right after, and by the worker where that
/// fails.
pub(crate) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: DeclineInvitationRequest,
) -> Result<DeclineInvitationResponse, Error> {
    let link = Link::find(app, &ask.token).await?;
    let lease = Lease::new();
    let row = decline(app, caller, &link, lease).await?;
    if let Err(error) = unfinished::settle(app, &link::invitee(caller, &row), &row, lease).await {
        tracing::warn!(%error, "the seat of a declined invitation is freed later");
    }
    Ok(DeclineInvitationResponse {})
}

async fn decline(
    app: &Invitation,
    caller: &Caller,
    link: &Link,
    lease: Lease,
) -> Result<Row, Error> {
    let mut patience = Patience::new();
    loop {
        let mut tx = app.store.tenant(link.tenant, caller).await?;
        if let Some(row) =
            answers::decline(&mut tx, link.tenant, link.id, &link.hash, lease).await?
        {
            tx.set_actor(row.user_id, link.tenant);
            tx.publish(Event::from(InvitationDeclined {
                invitation_id: row.id.to_string(),
                user_id: row.user_id.to_string(),
            }));
            tx.done().await?;
            return Ok(row);
        }
        let row = invitations::by_link(&mut tx, link.tenant, link.id, &link.hash).await?;
        drop(tx);
        link::refuse_used(&row.ok_or_else(link::unknown)?)?;
        // Somebody is accepting right now, and may fail.
        patience.wait().await?;
    }
}

//! Sending the mail of a user's open invitation again.

use contract::invitation::{ResendUserInvitationRequest, ResendUserInvitationResponse};
use rpc::{Caller, Error};

use super::{not_found, resend::send_again, shape};
use crate::{Invitation, db::invitations, patience::Patience};

pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: ResendUserInvitationRequest,
) -> Result<ResendUserInvitationResponse, Error> {
    let (tenant, user) = (caller.tenant()?, ask.user_id.parse()?);
    let mut patience = Patience::new();
    loop {
        let mut tx = app.store.begin(caller, &ask).await?;
        if let Some(reply) = tx.replay()? {
            return Ok(reply);
        }
        let id = invitations::open_of_user(&mut tx, tenant, user)
            .await?
            .ok_or_else(not_found)?;
        let Some(row) = send_again(app, &mut tx, caller, id).await? else {
            // Somebody is accepting right now, and may fail.
            drop(tx);
            patience.wait().await?;
            continue;
        };
        return tx
            .commit(ResendUserInvitationResponse {
                invitation: Some(shape::invitation(row)),
            })
            .await;
    }
}

//! One invitation.

use contract::invitation::{GetInvitationRequest, GetInvitationResponse};
use rpc::{Caller, Error};

use super::{named, not_found, shape};
use crate::{Invitation, db::invitations};

pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: GetInvitationRequest,
) -> Result<GetInvitationResponse, Error> {
    let mut tx = app.store.read(caller).await?;
    let row = invitations::get(&mut tx, caller.tenant()?, named(&ask.invitation_id)?).await?;
    let row = row.ok_or_else(not_found)?;
    Ok(GetInvitationResponse {
        invitation: Some(shape::invitation(row)),
    })
}

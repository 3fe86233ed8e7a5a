//! What an invitee is shown before they answer.

use contract::{
    authorization::Role,
    identity::MfaPolicy,
    invitation::{PreviewInvitationRequest, PreviewInvitationResponse},
};
use rpc::{Caller, Error};

use super::link::{self, Link};
use crate::{
    Invitation,
    db::invitations::{self, Row},
    invitations::shape,
};

pub(crate) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: PreviewInvitationRequest,
) -> Result<PreviewInvitationResponse, Error> {
    let link = Link::find(app, &ask.token).await?;
    let mut tx = app.store.tenant(link.tenant, caller).await?;
    let row = invitations::by_link(&mut tx, link.tenant, link.id, &link.hash).await?;
    drop(tx);
    let row = row.ok_or_else(link::unknown)?;
    link::refuse_used(&row)?;
    let (tenant, roles) =
        futures::try_join!(app.peers.tenant(link.tenant), app.peers.roles(link.tenant))?;
    let shown = |text: &String| {
        if row.inviter_hidden {
            String::new()
        } else {
            text.clone()
        }
    };
    Ok(PreviewInvitationResponse {
        tenant_name: tenant.name.clone(),
        tenant_display_name: tenant.display_name.clone(),
        role_names: role_names(&row, &roles),
        inviter_name: shown(&row.inviter_name),
        inviter_email: shown(&row.inviter_email),
        expire_time: Some(shape::time(row.expire_time)),
        mfa_required: tenant.mfa_policy() == MfaPolicy::Required,
        email: row.email,
        first_name: row.first_name,
        last_name: row.last_name,
    })
}

/// None wait where the invitation was taken back.
fn role_names(row: &Row, roles: &[Role]) -> Vec<String> {
    let waits = |role: &&Role| match row.role_ids.as_slice() {
        [] => role.default,
        ids => role.id.parse().is_ok_and(|id| ids.contains(&id)),
    };
    let name = |role: &Role| match role.display_name.as_str() {
        "" => role.name.clone(),
        shown => shown.to_owned(),
    };
    if row.revoked {
        return Vec::new();
    }
    roles.iter().filter(waits).map(name).collect()
}

//! What can be done to many users: each is a single call, with its permission and
//! its function.

use contract::{
    Id,
    identity::{BulkAction, Tenant, User},
    invitation::{ResendUserInvitationRequest, invitation_service_client::InvitationServiceClient},
};
use rpc::{Caller, Error};
use store::Tx;
use uuid::Uuid;

use crate::{
    Identity,
    access::Access,
    authority, factors,
    users::{self, delete, disable, enable},
};

/// The name of an action in the database: as the contract has it.
pub fn name(action: BulkAction) -> &'static str {
    let name = action.as_str_name();
    name.strip_prefix("BULK_ACTION_").unwrap_or(name)
}

/// The action of a name in the database.
pub fn named(name: &str) -> Result<BulkAction, Error> {
    BulkAction::from_str_name(&format!("BULK_ACTION_{name}"))
        .ok_or_else(|| Error::fault(format!("a bulk operation does {name}")))
}

/// Refuses a caller who may not make the single call, as the access layer would,
/// but never on an answer from before.
pub async fn demand(app: &Identity, caller: &Caller, action: BulkAction) -> Result<(), Error> {
    Access::of(app, caller, method(action)?)?
        .still_holds()
        .await
}

/// The single call, whose permission is said in the contract and nowhere else.
fn method(action: BulkAction) -> Result<&'static str, Error> {
    Ok(match action {
        BulkAction::Unspecified => return Err(Error::fault("a bulk operation does nothing")),
        BulkAction::Delete => "/usher.identity.v1.UserService/DeleteUser",
        BulkAction::Disable => "/usher.identity.v1.UserService/DisableUser",
        BulkAction::Enable => "/usher.identity.v1.UserService/EnableUser",
        BulkAction::ResetFactors => "/usher.identity.v1.FactorService/ResetFactors",
        BulkAction::ResendInvitation => {
            "/usher.invitation.v1.InvitationService/ResendUserInvitation"
        }
    })
}

/// Refuses where the caller may not decide over the user. Asked before the
/// transaction of the change.
pub async fn authorize(
    app: &Identity,
    caller: &Caller,
    action: BulkAction,
    user: Id<User>,
) -> Result<(), Error> {
    match action {
        BulkAction::Delete | BulkAction::Disable => {
            users::not_oneself(caller, user)?;
            authority::may_remove(app, caller, user).await
        }
        BulkAction::ResetFactors => {
            factors::reset::not_oneself(caller, user)?;
            authority::may_change(app, caller, user).await
        }
        BulkAction::Enable | BulkAction::Unspecified => {
            authority::may_change(app, caller, user).await
        }
        // The other service asks whoever calls it.
        BulkAction::ResendInvitation => resend(app, caller, user).await,
    }
}

/// Has an invitation sent again: once, however often this is called for a user of
/// an operation.
async fn resend(app: &Identity, caller: &Caller, user: Id<User>) -> Result<(), Error> {
    let operation: Uuid = caller.request_id.parse()?;
    let mut invitations = InvitationServiceClient::new(app.invitation.on_behalf_of(caller));
    let ask = ResendUserInvitationRequest {
        user_id: user.to_string(),
        request_id: Uuid::new_v5(&operation, user.uuid().as_bytes()).to_string(),
    };
    invitations.resend_user_invitation(ask).await?;
    Ok(())
}

/// Does it to a user; false where there is nothing to change.
pub async fn apply(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    action: BulkAction,
    user: Id<User>,
) -> Result<bool, Error> {
    let changed = match action {
        BulkAction::Delete => return delete::apply(app, tx, tenant, user).await.map(|()| true),
        // It was sent.
        BulkAction::ResendInvitation => return Ok(true),
        BulkAction::ResetFactors => return reset_factors(app, tx, tenant, user).await,
        BulkAction::Disable => disable::apply(app, tx, tenant, user).await?,
        BulkAction::Enable | BulkAction::Unspecified => enable::apply(tx, tenant, user).await?,
    };
    // Nobody there is something else than nothing to do.
    users::read(tx, tenant, user).await?;
    Ok(changed)
}

async fn reset_factors(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> Result<bool, Error> {
    let before = users::read(tx, tenant, user).await?;
    if !before.mfa_enabled && before.recovery_codes_left == 0 {
        return Ok(false);
    }
    factors::reset::apply(app, tx, tenant, user).await?;
    Ok(true)
}

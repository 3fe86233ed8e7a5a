//! Who may decide over whom: asked of authorization, which knows what both of
//! them may do (requirement A-04). Asked before the transaction of a change,
//! which would be held open for as long as the answer takes.

use contract::{
    Id,
    authorization::{
        AuthorizeUserChangeRequest, CheckRequest, access_service_client::AccessServiceClient,
        provisioning_service_client::ProvisioningServiceClient,
    },
    identity::User,
};
use rpc::{Caller, Error};

use crate::Identity;

/// Refuses where the user may do more than the caller.
pub async fn may_change(app: &Identity, caller: &Caller, user: Id<User>) -> Result<(), Error> {
    ask(app, caller, user, false).await
}

/// Refuses also where the user, who is to be disabled, locked or deleted, is the
/// tenant's last admin. From the answer on
/// they are not counted as one; should the change fail after that, authorization
/// finds out by itself.
pub async fn may_remove(app: &Identity, caller: &Caller, user: Id<User>) -> Result<(), Error> {
    ask(app, caller, user, true).await
}

/// Whether the caller holds a permission on the tenant, where the contract asks
/// for none.
pub async fn holds(app: &Identity, caller: &Caller, permission: &str) -> Result<bool, Error> {
    let request = CheckRequest {
        permission: permission.to_owned(),
        ..CheckRequest::default()
    };
    let reply = AccessServiceClient::new(app.authorization.on_behalf_of(caller))
        .check(request)
        .await?;
    Ok(reply.into_inner().allowed)
}

async fn ask(app: &Identity, caller: &Caller, user: Id<User>, leaves: bool) -> Result<(), Error> {
    let request = AuthorizeUserChangeRequest {
        user_id: user.to_string(),
        leaves,
    };
    ProvisioningServiceClient::new(app.authorization.on_behalf_of(caller))
        .authorize_user_change(request)
        .await?;
    Ok(())
}

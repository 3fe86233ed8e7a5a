//! What can be done to many users: each is a single call, with its permission and
//! its function.

use contract::{
    Id, Rule,
    authorization::{CheckRequest, access_service_client::AccessServiceClient},
    errors,
    identity::{BulkAction, Tenant, User},
};
use rpc::{Because as _, Caller, Error};
use store::Tx;

use crate::{
    Identity, NAME, authority,
    users::{self, delete, disable, enable},
};

/// What lets a user act in a tenant in which they do not live.
const OPERATE: &str = "tenants.operate";

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
    let home = caller.home.map_or_else(|| caller.tenant(), Ok)?;
    let system = Caller::system(NAME, home);
    let mut access = AccessServiceClient::new(app.authorization.on_behalf_of(&system));
    let elsewhere = (caller.home != caller.tenant).then_some(OPERATE);
    for permission in [permission(action)?].into_iter().chain(elsewhere) {
        let ask = CheckRequest {
            user_id: caller.user()?.to_string(),
            permission: permission.to_owned(),
            ..CheckRequest::default()
        };
        if !access.check(ask).await?.get_ref().allowed {
            return Err(errors::ErrorReason::PermissionDenied
                .because(format!("this needs the permission {permission}"))
                .with("permission", permission));
        }
    }
    Ok(())
}

/// The permission of the single call: said in the contract and nowhere else.
fn permission(action: BulkAction) -> Result<&'static str, Error> {
    let path = match action {
        BulkAction::Unspecified => "",
        BulkAction::Delete => "/usher.identity.v1.UserService/DeleteUser",
        BulkAction::Disable => "/usher.identity.v1.UserService/DisableUser",
        BulkAction::Enable => "/usher.identity.v1.UserService/EnableUser",
    };
    match contract::method(path).and_then(|method| method.rule) {
        Some(Rule::Permission(permission)) => Ok(permission),
        _ => Err(Error::fault(format!("{action:?} has no permission"))),
    }
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
        BulkAction::Enable | BulkAction::Unspecified => {
            authority::may_change(app, caller, user).await
        }
    }
}

/// Does it to a user; false where there is nothing to change.
pub async fn apply(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    action: BulkAction,
    user: Id<User>,
) -> Result<bool, Error> {
    if action == BulkAction::Delete {
        delete::apply(app, tx, tenant, user).await?;
        return Ok(true);
    }
    let changed = match action {
        BulkAction::Disable => disable::apply(app, tx, tenant, user).await?,
        _ => enable::apply(tx, tenant, user).await?,
    };
    // Nobody there is something else than nothing to do.
    users::read(tx, tenant, user).await?;
    Ok(changed)
}

//! The user or service account to whom something is given.

use contract::authorization::ErrorReason;
use contract::identity::provisioning_service_client::ProvisioningServiceClient;
use contract::identity::{
    FindUsersRequest, ServiceAccount, Tenant, User, UserAlertKind, UserStatus,
};
use rpc::{Because as _, Caller, Error, Id};
use store::Tx;

use crate::{Authorization, db};

/// The user to whom something is given.
pub struct Target {
    user: Id<User>,
    /// What identity says of a subject of whom no event has told yet.
    found: Option<Found>,
}

/// A subject as identity knows it.
pub enum Found {
    /// A person.
    User(Box<User>),
    /// A machine.
    ServiceAccount(ServiceAccount),
}

/// Begins the transaction of a change for a user. The events of identity come
/// a moment late, so one who is not known is asked for; not in the transaction,
/// which would wait with its connection.
pub async fn begin_about<M: contract::Request>(
    app: &Authorization,
    caller: &Caller,
    ask: &M,
    user: Id<User>,
) -> Result<(Tx, Target), Error> {
    let mut tx = app.store.begin(caller, ask).await?;
    let replayed = tx.replay::<()>()?.is_some();
    if replayed || db::subjects::exists(&mut tx, caller.tenant()?, user).await? {
        return Ok((tx, Target { user, found: None }));
    }
    drop(tx);
    let found = find(app, caller, user).await?.ok_or_else(user_not_found)?;
    let tx = app.store.begin(caller, ask).await?;
    Ok((
        tx,
        Target {
            user,
            found: Some(found),
        },
    ))
}

impl Target {
    /// Makes sure, under the lock of the tenant, that the user is there and was
    /// not deleted meanwhile.
    pub async fn settle(self, tx: &mut Tx, tenant: Id<Tenant>) -> Result<(), Error> {
        if let Some(found) = self.found {
            let suspended = found.is_suspended();
            match found {
                Found::User(_) => {
                    db::subjects::learn(tx, tenant, &[self.user], suspended).await?;
                }
                Found::ServiceAccount(_) => {
                    let id = self.user;
                    db::subjects::learn_service_account(tx, tenant, id, suspended).await?;
                }
            }
        }
        if db::subjects::exists(tx, tenant, self.user).await? {
            Ok(())
        } else {
            Err(user_not_found())
        }
    }
}

impl Found {
    /// Whether nothing that the subject holds counts.
    pub fn is_suspended(&self) -> bool {
        match self {
            Found::User(user) => user.status() == UserStatus::Inactive,
            Found::ServiceAccount(account) => account.disabled,
        }
    }

    /// Whether the account is locked now, by whomever.
    pub fn is_locked(&self) -> bool {
        match self {
            Found::User(user) => user
                .alerts
                .iter()
                .any(|alert| alert.kind() == UserAlertKind::LockedOut),
            Found::ServiceAccount(_) => false,
        }
    }
}

/// A user or service account as identity knows them.
pub async fn find(
    app: &Authorization,
    caller: &Caller,
    user: Id<User>,
) -> Result<Option<Found>, Error> {
    let ask = FindUsersRequest {
        emails: Vec::new(),
        user_ids: vec![user.to_string()],
    };
    let mut identity = ProvisioningServiceClient::new(app.identity.on_behalf_of(caller));
    let (_, found, _) = identity.find_users(ask).await?.into_parts();
    let accounts = found
        .service_accounts
        .into_iter()
        .map(Found::ServiceAccount);
    Ok(found
        .users
        .into_iter()
        .map(|user| Found::User(Box::new(user)))
        .chain(accounts)
        .next())
}

/// The refusal of an id that is no user's of the tenant.
pub fn user_not_found() -> Error {
    ErrorReason::UserNotFound.because("there is no such user")
}

//! Whether a caller who was let in still would be: a stream lasts longer than
//! the answer to that question.

use contract::{
    Id, Rule,
    authorization::{CheckRequest, access_service_client::AccessServiceClient},
    errors,
    identity::{Session, Tenant, User},
};
use rpc::{Because as _, Caller, Channel, Error};
use store::Store;

use crate::{Identity, NAME, db};

/// What lets a user act in a tenant in which they do not live.
const OPERATE: &str = "tenants.operate";

/// The questions that the layers before this service asked of a caller.
pub struct Access {
    store: Store,
    authorization: Channel,
    home: Id<Tenant>,
    user: Id<User>,
    session: Option<Id<Session>>,
    permissions: Vec<&'static str>,
}

impl Access {
    /// Those asked of the caller of a method.
    pub fn of(app: &Identity, caller: &Caller, method: &'static str) -> Result<Access, Error> {
        let rule = contract::method(method).and_then(|method| method.rule);
        let Some(Rule::Permission(permission)) = rule else {
            return Err(Error::fault(format!("{method} needs no permission")));
        };
        let mut permissions = vec![permission];
        if caller.home != caller.tenant {
            permissions.push(OPERATE);
        }
        let home = caller.own_tenant()?;
        let system = Caller::system(NAME, home);
        Ok(Access {
            store: app.store.clone(),
            authorization: app.authorization.on_behalf_of(&system),
            home,
            user: caller.user()?,
            session: caller.session,
            permissions,
        })
    }

    /// Asks them again; refuses as the layers would.
    pub async fn still_holds(&self) -> Result<(), Error> {
        if let Some(session) = self.session
            && !self.has(session).await?
        {
            let why = "the session has ended";
            return Err(errors::ErrorReason::CredentialInvalid.because(why));
        }
        for permission in &self.permissions {
            let ask = CheckRequest {
                user_id: self.user.to_string(),
                permission: (*permission).to_owned(),
                ..CheckRequest::default()
            };
            let mut client = AccessServiceClient::new(self.authorization.clone());
            if !client.check(ask).await?.get_ref().allowed {
                return Err(errors::ErrorReason::PermissionDenied
                    .because(format!("this needs the permission {permission}"))
                    .with("permission", permission));
            }
        }
        Ok(())
    }

    async fn has(&self, session: Id<Session>) -> Result<bool, Error> {
        let system = Caller::system(NAME, self.home);
        let mut tx = self.store.read(&system).await?;
        let (home, user) = (self.home, self.user);
        Ok(db::sessions::holds(&mut tx, home, user, session).await?)
    }
}

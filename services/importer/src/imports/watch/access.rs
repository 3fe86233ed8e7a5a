//! Whether a caller who was let in still would be: a stream lasts longer than
//! the answer to that question.

use std::sync::Arc;

use boot::Service as _;
use contract::{
    Id, Rule, errors,
    identity::{
        ListSessionsRequest, Session, Tenant, User, session_service_client::SessionServiceClient,
    },
};
use rpc::{Because as _, Caller, Channel, Decisions, Error};

use crate::Importer;

const METHOD: &str = "/usher.importer.v1.ImportService/WatchImport";
/// What lets a user act in a tenant in which they do not live.
const OPERATE: &str = "tenants.operate";

/// The questions that the layers before this service asked of a caller.
pub struct Access {
    decisions: Arc<Decisions>,
    identity: Channel,
    home: Id<Tenant>,
    user: Id<User>,
    session: Option<Id<Session>>,
    permissions: Vec<&'static str>,
}

impl Access {
    /// Those asked of the caller of a watch.
    pub fn of(app: &Importer, caller: &Caller) -> Result<Access, Error> {
        let Some(Rule::Permission(permission)) =
            contract::method(METHOD).and_then(|method| method.rule)
        else {
            return Err(Error::fault("watching an import needs no permission"));
        };
        let mut permissions = vec![permission];
        if caller.home != caller.tenant {
            permissions.push(OPERATE);
        }
        let home = caller.home.map_or_else(|| caller.tenant(), Ok)?;
        let system = Caller::system(Importer::NAME, home);
        Ok(Access {
            decisions: app.decisions.clone(),
            identity: app.peers.identity.on_behalf_of(&system),
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
            if !self
                .decisions
                .check(self.home, self.user, permission)
                .await?
            {
                return Err(errors::ErrorReason::PermissionDenied
                    .because(format!("this needs the permission {permission}"))
                    .with("permission", permission));
            }
        }
        Ok(())
    }

    /// Whether a session of the user holds.
    async fn has(&self, session: Id<Session>) -> Result<bool, Error> {
        let session = session.to_string();
        let mut client = SessionServiceClient::new(self.identity.clone());
        let mut ask = ListSessionsRequest {
            user_id: self.user.to_string(),
            page_size: 100,
            ..ListSessionsRequest::default()
        };
        loop {
            let page = client.list_sessions(ask.clone()).await?.into_inner();
            if page.sessions.iter().any(|held| held.id == session) {
                return Ok(true);
            }
            if page.next_page_token.is_empty() {
                return Ok(false);
            }
            ask.page_token = page.next_page_token;
        }
    }
}

//! The sessions of users (requirement P-08).
//!
//! A session is a row, and its token a secret of which only a keyed hash is
//! kept. [`validate`] answers from memory; what is in memory is believed only
//! while this replica hears every event of the service (see [`cache`]), so a
//! session that was ended anywhere is refused everywhere within a second, and
//! at once by whoever ended it (B-17).

pub mod begin;
pub mod cache;
mod list;
mod revoke;
mod revoke_all;
mod touch;
pub mod validate;

use contract::{
    Id,
    identity::{
        ErrorReason, Event, ListSessionsRequest, ListSessionsResponse, LoginFlow,
        RevokeAllSessionsRequest, RevokeAllSessionsResponse, RevokeSessionRequest,
        RevokeSessionResponse, Session, SessionRevoked, Tenant, User, ValidateSessionRequest,
        ValidateSessionResponse, session_service_server::SessionService,
    },
};
use prost_types::Duration;
use rpc::{Because as _, Error, Reply};
use store::Tx;
use tonic::Request;
use uuid::Uuid;

use crate::{Identity, db, timestamp};

pub use cache::Cache;
pub use touch::{Uses, flush};

const PURPOSE: &str = "session token";

/// What a session token begins with, so that leaked ones can be found.
const PREFIX: &str = "usr_";

#[tonic::async_trait]
impl SessionService for Identity {
    async fn validate_session(
        &self,
        request: Request<ValidateSessionRequest>,
    ) -> Reply<ValidateSessionResponse> {
        let (_, ask) = rpc::open(request)?;
        rpc::reply(validate::run(self, &ask).await)
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Reply<ListSessionsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Reply<RevokeSessionResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(revoke::run(self, &caller, ask).await)
    }

    async fn revoke_all_sessions(
        &self,
        request: Request<RevokeAllSessionsRequest>,
    ) -> Reply<RevokeAllSessionsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(revoke_all::run(self, &caller, ask).await)
    }
}

/// What goes on of a user's sessions and logins while the others end: that from
/// which they changed what the others rest on.
#[derive(Clone, Copy)]
pub enum Spare {
    /// Nothing.
    Nothing,
    /// This session.
    Session(Id<Session>),
    /// This login.
    Login(Id<LoginFlow>),
}

/// Ends all sessions of a user, logins under way, and the trust in their devices.
pub async fn end_all(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> Result<(), Error> {
    end_others(app, tx, tenant, user, Spare::Nothing).await
}

/// The same, but what is spared goes on.
pub async fn end_others(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    spare: Spare,
) -> Result<(), Error> {
    let (session, flow) = match spare {
        Spare::Nothing => (None, None),
        Spare::Session(session) => (Some(session), None),
        Spare::Login(flow) => (None, Some(flow)),
    };
    db::sessions::end_all(tx, tenant, user, session).await?;
    db::login_flows::end_all(tx, tenant, user, flow).await?;
    db::devices::distrust_all(tx, tenant, user).await?;
    forget(app, tx, user);
    Ok(())
}

/// Ends the sessions, but one, of all users of a tenant who must have a second
/// factor by now, in which none was proven.
pub async fn end_unproven(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    but: Option<Id<Session>>,
) -> Result<(), Error> {
    for (session, user) in db::sessions::end_unproven(tx, tenant, but).await? {
        forget(app, tx, session);
        tx.publish(Event::from(SessionRevoked {
            session_id: session.to_string(),
            user_id: user.to_string(),
        }));
    }
    Ok(())
}

/// The same for a user who was given these roles, in the mirror of roles: this
/// replica hears of it by the events, as the others do.
pub async fn end_unproven_of(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    roles: &[Uuid],
) -> Result<(), Error> {
    for session in db::sessions::end_unproven_of(tx, tenant, user, roles).await? {
        tx.publish(Event::from(SessionRevoked {
            session_id: session.to_string(),
            user_id: user.to_string(),
        }));
    }
    Ok(())
}

/// Drops what this replica has in memory of a user, or of one session, once
/// the transaction is committed. The others hear of it by the event.
pub fn forget<K>(app: &Identity, tx: &mut Tx, ended: Id<K>) {
    let (sessions, ended) = (app.sessions.clone(), ended.uuid());
    tx.after_commit(move || sessions.end(ended));
}

/// The refusal of a token, whatever the cause.
pub fn ended() -> Error {
    ErrorReason::SessionEnded.because("the session has ended")
}

impl From<db::sessions::Row> for Session {
    fn from(row: db::sessions::Row) -> Session {
        Session {
            id: row.id.to_string(),
            user_id: row.user_id.to_string(),
            tenant_id: row.tenant_id.to_string(),
            assurance_level: u32::try_from(row.assurance_level).unwrap_or_default(),
            create_time: Some(timestamp(row.create_time)),
            expire_time: Some(timestamp(row.expire_time)),
            last_use_time: Some(timestamp(row.last_use_time)),
            address: row.address,
            device_id: row.device_id.map(|id| id.to_string()).unwrap_or_default(),
            device_name: row.device_name.unwrap_or_default(),
            user_agent: row.user_agent,
            idle_timeout: Some(Duration {
                seconds: row.idle_timeout,
                nanos: 0,
            }),
        }
    }
}

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
mod touch;
pub mod validate;

use std::time::Duration;

use contract::{
    Id,
    identity::{
        ErrorReason, ListSessionsRequest, ListSessionsResponse, LoginFlow, RevokeSessionRequest,
        RevokeSessionResponse, Session, Tenant, User, ValidateSessionRequest,
        ValidateSessionResponse, session_service_server::SessionService,
    },
};
use rpc::{Because as _, Error, Reply};
use store::Tx;
use tonic::Request;

use crate::{Identity, db, timestamp};

pub use cache::Cache;
pub use touch::flush;

/// How long a session lasts without being used.
pub const IDLE: Duration = Duration::from_hours(8);
/// How long a session lasts at most, from the login on.
pub const LIFETIME: Duration = Duration::from_hours(7 * 24);

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
}

/// Ends all sessions of a user, logins under way, and the trust in their devices.
pub async fn end_all(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> Result<(), Error> {
    db::sessions::end_all(tx, tenant, user).await?;
    db::login_flows::end_all(tx, tenant, user, None).await?;
    db::devices::distrust_all(tx, tenant, user).await?;
    forget(app, tx, user);
    Ok(())
}

/// The same, but one login goes on.
pub async fn end_all_but(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    flow: Id<LoginFlow>,
) -> Result<(), Error> {
    db::sessions::end_all(tx, tenant, user).await?;
    db::login_flows::end_all(tx, tenant, user, Some(flow)).await?;
    db::devices::distrust_all(tx, tenant, user).await?;
    forget(app, tx, user);
    Ok(())
}

/// Drops what this replica has in memory of a user, or of one session, once
/// the transaction is committed. The others hear of it by the event.
pub fn forget<K>(app: &Identity, tx: &mut Tx, ended: Id<K>) {
    let (sessions, ended) = (app.sessions.clone(), ended.uuid());
    tx.after_commit(move || sessions.end(ended));
}

/// The refusal of a token, whatever the cause.
fn ended() -> Error {
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
        }
    }
}

//! Ends one session of a user.

use contract::{
    Id,
    identity::{
        ErrorReason, Event, RevokeSessionRequest, RevokeSessionResponse, Session, SessionRevoked,
    },
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, authority, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RevokeSessionRequest,
) -> Result<RevokeSessionResponse, Error> {
    let (tenant, user) = caller.whose(&ask.user_id)?;
    let session: Id<Session> = match ask.session_id.as_str() {
        "" => caller.session.ok_or_else(not_found)?,
        id => id.parse()?,
    };
    // Where the session is, which for one's own may be another tenant.
    let there = caller.acting_in(tenant);
    if let Some(reply) = app.store.begin(&there, &ask).await?.replay()? {
        return Ok(reply);
    }
    if caller.user != Some(user) {
        authority::may_change(app, caller, user).await?;
    }
    let mut tx = app.store.begin(&there, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if !db::sessions::end(&mut tx, tenant, user, session).await? {
        return Err(not_found());
    }
    super::forget(app, &mut tx, session);
    tx.publish(Event::from(SessionRevoked {
        session_id: session.to_string(),
        user_id: user.to_string(),
    }));
    tx.commit(RevokeSessionResponse {}).await
}

fn not_found() -> Error {
    ErrorReason::SessionNotFound.because("there is no such session of this user")
}

//! Ends all sessions of a user, or all but the caller's.

use contract::{
    Id,
    identity::{
        AllSessionsRevoked, Event, RevokeAllSessionsRequest, RevokeAllSessionsResponse, Session,
    },
};
use rpc::{Caller, Error};

use crate::{Identity, authority, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RevokeAllSessionsRequest,
) -> Result<RevokeAllSessionsResponse, Error> {
    let (tenant, user) = caller.whose(&ask.user_id)?;
    // Where the sessions are, which for one's own may be another tenant.
    let there = caller.acting_in(tenant);
    if let Some(reply) = app.store.begin(&there, &ask).await?.replay()? {
        return Ok(reply);
    }
    if caller.user != Some(user) {
        authority::may_change(app, caller, user).await?;
    }
    let kept = caller.session.filter(|_| ask.keep_current);
    let mut tx = app.store.begin(&there, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    if db::users::email(&mut tx, tenant, user).await?.is_none() {
        return Err(crate::users::not_found());
    }
    let ended = db::sessions::end_all(&mut tx, tenant, user, kept).await?;
    db::login_flows::end_all(&mut tx, tenant, user, None).await?;
    super::forget(app, &mut tx, user);
    tx.publish(Event::from(AllSessionsRevoked {
        user_id: user.to_string(),
        kept_session_id: kept
            .as_ref()
            .map(Id::<Session>::to_string)
            .unwrap_or_default(),
    }));
    let revoked_count = u32::try_from(ended).unwrap_or(u32::MAX);
    tx.commit(RevokeAllSessionsResponse { revoked_count }).await
}

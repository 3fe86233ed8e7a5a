//! Makes new recovery codes; those from before are dead (requirement M-06).

use contract::identity::{
    CreateRecoveryCodesRequest, CreateRecoveryCodesResponse, Event, RecoveryCodesCreated,
};
use rpc::{Caller, Error};

use super::{changed, not_enrolled, own::Own, recovery};
use crate::{Identity, sessions::Spare};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateRecoveryCodesRequest,
) -> Result<CreateRecoveryCodesResponse, Error> {
    let own = Own::of(caller)?;
    let (tenant, user) = (own.tenant, own.user);
    let mut tx = app.store.begin(&own.caller, &ask).await?;
    if !own.fresh(&mut tx).await?.is_usable() {
        return Err(not_enrolled());
    }
    let recovery_codes = recovery::create(app, &mut tx, tenant, user).await?;
    changed(app, &mut tx, tenant, user, Spare::Session(own.session)).await?;
    tx.publish(Event::from(RecoveryCodesCreated {
        user_id: user.to_string(),
    }));
    tx.commit_secret(CreateRecoveryCodesResponse { recovery_codes })
        .await
}

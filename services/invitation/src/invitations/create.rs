//! Inviting one person: a batch of one.

use contract::invitation::{CreateInvitationRequest, CreateInvitationResponse};
use rpc::{Caller, Error};

use super::{
    batch::{self, Batch, RequestName},
    shape,
};
use crate::{Invitation, db::mails::Priority};

pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: CreateInvitationRequest,
) -> Result<CreateInvitationResponse, Error> {
    if let Some(reply) = batch::replayed(app, caller, &ask).await? {
        return Ok(reply);
    }
    let draft = ask
        .invitation
        .clone()
        .ok_or_else(|| Error::field("invitation", "is required"))?;
    let mut batch =
        Batch::prepare(app, caller, RequestName::of(app, caller, &ask), vec![draft]).await?;
    batch.carry_out(app).await?;
    if batch.is_refused() {
        return refuse(app, caller, batch).await;
    }
    let tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let (tx, mut outcomes) = batch.conclude(app, tx, Priority::High).await?;
    let row = outcomes
        .pop()
        .ok_or_else(|| Error::fault("a batch of one had no outcome"))??;
    tx.commit(CreateInvitationResponse {
        invitation: Some(shape::invitation(row)),
    })
    .await
}

/// Removes the row. Not under the request's id: the same request may succeed
/// once there is a seat, and must not hear this refusal again then.
async fn refuse(
    app: &Invitation,
    caller: &Caller,
    batch: Batch,
) -> Result<CreateInvitationResponse, Error> {
    let tx = app.store.tenant(caller.tenant()?, caller).await?;
    let (tx, mut outcomes) = batch.conclude(app, tx, Priority::High).await?;
    tx.done().await?;
    Err(outcomes
        .pop()
        .and_then(Result::err)
        .unwrap_or_else(|| Error::fault("a refused batch had no refusal")))
}

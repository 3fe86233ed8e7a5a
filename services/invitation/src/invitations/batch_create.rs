//! Inviting many people.

use contract::invitation::{
    BatchCreateInvitationsRequest, BatchCreateInvitationsResponse, InvitationOutcome,
    invitation_outcome,
};
use prost::Message as _;
use rpc::{Caller, Error};
use tonic::Status;

use super::{
    batch::{self, Batch, Outcome, RequestName},
    shape,
};
use crate::{Invitation, db::mails::Priority};

pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: BatchCreateInvitationsRequest,
) -> Result<BatchCreateInvitationsResponse, Error> {
    if let Some(reply) = batch::replayed(app, caller, &ask).await? {
        return Ok(reply);
    }
    let name = RequestName::of(app, caller, &ask);
    let mut batch = Batch::prepare(app, caller, name, ask.invitations.clone()).await?;
    batch.carry_out(app).await?;
    let tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let (tx, outcomes) = batch.conclude(app, tx, Priority::Bulk).await?;
    let outcomes = outcomes
        .into_iter()
        .map(outcome)
        .collect::<Result<_, Error>>()?;
    tx.commit(BatchCreateInvitationsResponse { outcomes }).await
}

fn outcome(outcome: Outcome) -> Result<InvitationOutcome, Error> {
    let outcome = match outcome {
        Ok(row) => invitation_outcome::Outcome::Invitation(shape::invitation(row)),
        // The details of a status are an encoded google.rpc.Status.
        Err(refusal) => {
            let status = tonic_types::pb::Status::decode(Status::from(refusal).details())?;
            invitation_outcome::Outcome::Refusal(status)
        }
    };
    Ok(InvitationOutcome {
        outcome: Some(outcome),
    })
}

//! Accepting: the invitee becomes a user.
//!
//! The row is claimed first, so of many with the same link one goes on; then
//! identity sets the password, authorization makes the roles live that the
//! inviter could still give, and the row is accepted. Who comes meanwhile waits for the outcome, because a refused
//! password gives the link back. A crash on the way is ended by the worker, or
//! by the invitee who tries again.

use contract::{
    authorization::{ActivateGrantsRequest, ReleaseGrantsRequest},
    identity::{self, CompleteSetupRequest, LoginFlow},
    invitation::{AcceptInvitationRequest, AcceptInvitationResponse, Event, InvitationAccepted},
};
use rpc::{Caller, Error};

use super::link::{self, Link};
use crate::{
    Invitation,
    db::{
        Lease,
        invitations::{self, Row, answers, leases},
    },
    patience::Patience,
    peers::in_doubt,
};

pub(crate) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: AcceptInvitationRequest,
) -> Result<AcceptInvitationResponse, Error> {
    let link = Link::find(app, &ask.token).await?;
    let lease = Lease::new();
    let row = begin(app, caller, &link, lease).await?;
    let invitee = link::invitee(caller, &row);
    let done = match set_up(app, &invitee, &row, ask).await {
        Ok(done) => done,
        Err(error) => {
            put_back(app, &invitee, &row, lease, &error).await?;
            return Err(error);
        }
    };
    finish(app, caller, &invitee, &row).await?;
    match done {
        SetUp::Now(flow) => Ok(AcceptInvitationResponse {
            user_id: row.user_id.to_string(),
            flow,
        }),
        SetUp::Before => Err(link::accepted()),
    }
}

/// When the invitee's password was set.
enum SetUp {
    /// By this call, or by an earlier one with the same password.
    Now(Option<LoginFlow>),
    /// By an earlier call whose answer was lost, and to another password
    /// perhaps: this call's is not known.
    Before,
}

/// Uses the link up, for as long as it takes.
async fn begin(app: &Invitation, caller: &Caller, link: &Link, lease: Lease) -> Result<Row, Error> {
    let mut patience = Patience::new();
    loop {
        let mut tx = app.store.tenant(link.tenant, caller).await?;
        if let Some(row) =
            answers::begin_accept(&mut tx, link.tenant, link.id, &link.hash, lease).await?
        {
            tx.done().await?;
            return Ok(row);
        }
        let row = invitations::by_link(&mut tx, link.tenant, link.id, &link.hash).await?;
        drop(tx);
        link::refuse_used(&row.ok_or_else(link::unknown)?)?;
        patience.wait().await?;
    }
}

async fn set_up(
    app: &Invitation,
    invitee: &Caller,
    row: &Row,
    ask: AcceptInvitationRequest,
) -> Result<SetUp, Error> {
    if row.revoked {
        // Whoever took it back may have crashed before authorization heard of it.
        let user_ids = vec![row.user_id.to_string()];
        app.peers
            .grants(invitee)
            .release_grants(ReleaseGrantsRequest { user_ids })
            .await?;
    }
    let request = CompleteSetupRequest {
        user_id: row.user_id.to_string(),
        password: ask.password,
        first_name: ask.first_name,
        last_name: ask.last_name,
    };
    match app
        .peers
        .users(invitee)
        .complete_setup(request)
        .await
        .map_err(Error::from)
    {
        Ok(reply) => Ok(SetUp::Now(reply.into_inner().flow)),
        Err(error) if error.is(identity::ErrorReason::SetupDone) => Ok(SetUp::Before),
        Err(error) if error.is(identity::ErrorReason::UserNotFound) => Err(link::unknown()),
        Err(error) => Err(error),
    }
}

/// Gives the link back, where the password was not set; where that is in doubt,
/// whoever comes next may find out at once.
async fn put_back(
    app: &Invitation,
    invitee: &Caller,
    row: &Row,
    lease: Lease,
    error: &Error,
) -> Result<(), Error> {
    let mut tx = app.store.tenant(row.tenant_id, invitee).await?;
    if in_doubt(error) {
        leases::give_up(&mut tx, row.tenant_id, lease).await?;
    } else {
        answers::undo_accept(&mut tx, row.tenant_id, row.id, lease).await?;
    }
    tx.done().await
}

/// What is left to do once the set-up is finished. Can be repeated.
pub(crate) async fn finish(
    app: &Invitation,
    caller: &Caller,
    invitee: &Caller,
    row: &Row,
) -> Result<(), Error> {
    if !row.revoked {
        let text = |id: Option<String>| id.unwrap_or_default();
        let request = ActivateGrantsRequest {
            user_id: row.user_id.to_string(),
            grantor_user_id: text(row.inviter_user_id.map(|id| id.to_string())),
            grantor_home_tenant_id: text(row.inviter_home_tenant_id.map(|id| id.to_string())),
        };
        app.peers.grants(invitee).activate_grants(request).await?;
    }
    let mut tx = app.store.tenant(row.tenant_id, caller).await?;
    tx.set_actor(row.user_id, row.tenant_id);
    if answers::accept(&mut tx, row.tenant_id, row.id).await? && !row.revoked {
        tx.publish(Event::from(InvitationAccepted {
            invitation_id: row.id.to_string(),
            user_id: row.user_id.to_string(),
        }));
    }
    tx.done().await
}

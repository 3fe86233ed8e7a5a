//! Ends what a crash, or a peer that was away, left in the middle.
//!
//! Whoever works on an invitation holds a lease on its row. Rows whose lease
//! ended are taken over here: prepared ones are finished or undone as the
//! inviter, accepted ones are finished where identity set the password, and
//! declined or revoked ones are made known to the other services. Declined ones
//! are removed when they are old.

use std::{sync::Arc, time::Duration};

use contract::{
    authorization::ReleaseGrantsRequest,
    identity::{FindUsersRequest, RemoveInvitedUsersRequest, UserStatus},
};
use rpc::{Caller, Error};
use tokio_util::sync::CancellationToken;

use crate::{
    Invitation,
    acceptance::{accept, link},
    db::{
        Lease,
        invitations::{self, Row, State, answers, leases},
        mails::Priority,
    },
    invitations::batch::Batch,
    peers::SERVICE,
};

const EVERY: Duration = Duration::from_secs(2);
const AT_ONCE: i64 = 100;

/// Looks for unfinished rows until the process stops. Cut off anywhere, it
/// leaves what it found there.
pub(crate) async fn run(app: Arc<Invitation>, stopping: CancellationToken) {
    let sweeping = async {
        loop {
            let more = sweep(&app).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "unfinished invitations cannot be looked for");
                false
            });
            if !more {
                done(forget_declined(&app).await);
                tokio::time::sleep(EVERY).await;
            }
        }
    };
    stopping.run_until_cancelled(sweeping).await;
}

/// Whether there may be more: it found some, and finished all of them. Those that fail come back
/// when this lease ends, or at once where it was given up; a peer that is away
/// is not asked without a pause.
async fn sweep(app: &Invitation) -> Result<bool, Error> {
    let lease = Lease::new();
    let mut tx = app.store.worker().await?;
    let rows = leases::claim_unfinished(&mut tx, lease, AT_ONCE).await?;
    tx.done().await?;
    let mut finished = !rows.is_empty();
    let (preparing, others): (Vec<Row>, Vec<Row>) = rows
        .into_iter()
        .partition(|row| row.state == State::Preparing);
    for batch in preparing.chunk_by(asked_together) {
        finished &= done(prepare(app, batch.to_vec(), lease).await);
    }
    for row in others {
        finished &= done(end(app, &row, lease).await);
    }
    Ok(finished)
}

async fn forget_declined(app: &Invitation) -> Result<(), Error> {
    let mut tx = app.store.worker().await?;
    invitations::reap_declined(&mut tx, AT_ONCE).await?;
    tx.done().await
}

fn done(work: Result<(), Error>) -> bool {
    work.inspect_err(|error| {
        tracing::warn!(%error, "an unfinished invitation stays unfinished for now");
    })
    .is_ok()
}

fn asked_together(one: &Row, other: &Row) -> bool {
    let by = |row: &Row| {
        (
            row.tenant_id,
            row.inviter_user_id,
            row.inviter_home_tenant_id,
        )
    };
    by(one) == by(other)
}

async fn prepare(app: &Invitation, rows: Vec<Row>, lease: Lease) -> Result<(), Error> {
    let Some(Row {
        tenant_id,
        inviter_user_id,
        inviter_home_tenant_id,
        ..
    }) = rows.first()
    else {
        return Ok(());
    };
    let tenant = *tenant_id;
    let caller = Caller {
        home: inviter_home_tenant_id.or(Some(tenant)),
        ..Caller::acting(SERVICE, tenant, *inviter_user_id)
    };
    let mut batch = Batch::resume(tenant, caller.clone(), lease, rows);
    batch.carry_out(app).await?;
    let tx = app.store.tenant(tenant, &caller).await?;
    let (tx, _) = batch.conclude(app, tx, Priority::Bulk).await?;
    tx.done().await
}

async fn end(app: &Invitation, row: &Row, lease: Lease) -> Result<(), Error> {
    let caller = Caller::system(SERVICE, row.tenant_id);
    match row.state {
        State::Accepting => end_accept(app, &caller, row, lease).await,
        State::Declined => settle(app, &caller, row, lease).await,
        State::Pending if row.revoked => settle(app, &caller, row, lease).await,
        // Nothing waits for these; only the lease is in the way.
        State::Preparing | State::Pending | State::Accepted => {
            forget(app, &caller, row, lease).await
        }
    }
}

/// The password itself is gone with whoever had it: identity knows whether it
/// was set. Where it was not, the link works again.
async fn end_accept(
    app: &Invitation,
    caller: &Caller,
    row: &Row,
    lease: Lease,
) -> Result<(), Error> {
    let request = FindUsersRequest {
        emails: Vec::new(),
        user_ids: vec![row.user_id.to_string()],
    };
    let found = app
        .peers
        .users(caller)
        .find_users(request)
        .await?
        .into_inner()
        .users;
    if found
        .first()
        .is_some_and(|user| user.status() == UserStatus::Active)
    {
        return accept::finish(app, caller, &link::invitee(caller, row), row).await;
    }
    let mut tx = app.store.tenant(row.tenant_id, caller).await?;
    answers::undo_accept(&mut tx, row.tenant_id, row.id, lease).await?;
    tx.done().await
}

/// Tells the other services of an invitation that was declined or taken back:
/// the roles and the seat go, and after declining the user too. Can be
/// repeated.
pub(crate) async fn settle(
    app: &Invitation,
    caller: &Caller,
    row: &Row,
    lease: Lease,
) -> Result<(), Error> {
    let user_ids = vec![row.user_id.to_string()];
    app.peers
        .grants(caller)
        .release_grants(ReleaseGrantsRequest {
            user_ids: user_ids.clone(),
        })
        .await?;
    if row.state == State::Declined {
        app.peers
            .users(caller)
            .remove_invited_users(RemoveInvitedUsersRequest { user_ids })
            .await?;
    }
    forget(app, caller, row, lease).await
}

async fn forget(app: &Invitation, caller: &Caller, row: &Row, lease: Lease) -> Result<(), Error> {
    let mut tx = app.store.tenant(row.tenant_id, caller).await?;
    answers::settled(&mut tx, row.tenant_id, row.id, lease).await?;
    tx.done().await
}

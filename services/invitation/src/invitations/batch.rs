//! The saga of asking people, one or five hundred at a time.
//!
//! 1. One transaction makes a row for each draft, in state preparing, with the
//!    ids of the invitation and of the user chosen now ([`prepare`]).
//! 2. Authorization reserves the roles and seats, then identity creates the
//!    users, under those ids ([`steps`]). What one of them refuses is undone.
//! 3. One transaction makes the rows pending, queues their mails, publishes
//!    their events, removes what was refused, and keeps the reply
//!    ([`Batch::conclude`]).
//!
//! Every step can be repeated under the same ids, so whoever finds rows whose
//! lease ended — the caller with the same request id, or the worker — goes on
//! with them. A refusal is final only with the third step: until then nobody
//! was told.

mod drafts;
mod known;
mod prepare;
mod steps;

use contract::invitation::{Event, InvitationCreated};
use rpc::{Caller, Error};
use store::Tx;

use super::shape;
use crate::{
    Invitation,
    db::{
        InvitationId, Lease, MailId, TenantId, UserId,
        invitations::{self, Row, State, preparing},
        mails::{self, InvitationMail, Priority},
    },
    patience,
};

pub(crate) use known::email_key;
pub(crate) use prepare::{RequestName, replayed};

/// What became of a draft: the invitation, or why there is none.
pub(crate) type Outcome = Result<Row, Error>;

/// Drafts of one call on their way, all under one lease.
pub(crate) struct Batch {
    tenant: TenantId,
    caller: Caller,
    lease: Lease,
    entries: Vec<Entry>,
}

/// One draft. Both a row and a refusal: the row is to be removed.
#[derive(Default)]
struct Entry {
    row: Option<Row>,
    refusal: Option<Error>,
}

impl Entry {
    /// Its row, while it is on its way.
    fn on_its_way(&self) -> Option<&Row> {
        self.row
            .as_ref()
            .filter(|row| row.state == State::Preparing && self.refusal.is_none())
    }
}

impl Batch {
    /// Rows that a crash left under way, taken over with a lease. The caller is
    /// who asked for them.
    pub(crate) fn resume(tenant: TenantId, caller: Caller, lease: Lease, rows: Vec<Row>) -> Batch {
        let entries = rows
            .into_iter()
            .map(|row| Entry {
                row: Some(row),
                refusal: None,
            })
            .collect();
        Batch {
            tenant,
            caller,
            lease,
            entries,
        }
    }

    /// Whether every draft is refused so far.
    pub(crate) fn is_refused(&self) -> bool {
        self.entries.iter().all(|entry| entry.refusal.is_some())
    }

    fn on_its_way(&self) -> impl Iterator<Item = &Row> {
        self.entries.iter().filter_map(Entry::on_its_way)
    }

    /// The last step, for the transaction's commit: answers the outcomes in the
    /// order of the drafts.
    pub(crate) async fn conclude(
        mut self,
        app: &Invitation,
        mut tx: Tx,
        priority: Priority,
    ) -> Result<(Tx, Vec<Outcome>), Error> {
        if !self.settle_rows(&mut tx, priority).await? {
            // Whoever took the rows over may have undone what these steps did
            // again later than they thought.
            drop(tx);
            self.release_orphans(app).await?;
            return Err(patience::busy());
        }
        let ids: Vec<InvitationId> = self.on_its_way().map(|row| row.id).collect();
        let mut fresh = invitations::by_ids(&mut tx, self.tenant, &ids).await?;
        fresh.sort_by_key(|row| row.request_index);
        for row in &fresh {
            let invitation = Some(shape::nameless(row.clone()));
            tx.publish(Event::from(InvitationCreated { invitation }));
        }
        let mut fresh = fresh.into_iter();
        for entry in &mut self.entries {
            if entry.on_its_way().is_some() {
                entry.row = fresh.next();
            }
        }
        let wake = app.mail_queued.clone();
        tx.after_commit(move || wake.notify_one());
        Ok((tx, self.entries.into_iter().map(outcome).collect()))
    }

    /// False where the lease was lost.
    async fn settle_rows(&self, tx: &mut Tx, priority: Priority) -> Result<bool, Error> {
        let rows: Vec<&Row> = self.on_its_way().collect();
        let mails: Vec<MailId> = rows.iter().map(|_| MailId::new()).collect();
        let ids: Vec<InvitationId> = rows.iter().map(|row| row.id).collect();
        let users: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
        let refused: Vec<InvitationId> = self
            .entries
            .iter()
            .filter(|entry| entry.refusal.is_some())
            .filter_map(|entry| Some(entry.row.as_ref()?.id))
            .collect();
        let concluded = preparing::conclude(tx, self.tenant, self.lease, &ids, &mails).await?;
        let removed = if refused.is_empty() {
            0
        } else {
            preparing::remove(tx, self.tenant, self.lease, &refused).await?
        };
        if concluded != ids.len() as u64 || removed != refused.len() as u64 {
            return Ok(false);
        }
        preparing::forget_revoked(tx, self.tenant, &users).await?;
        let queue: Vec<InvitationMail> = rows
            .iter()
            .zip(mails)
            .filter(|(row, _)| !row.without_mail)
            .map(|(row, id)| mail(row, id))
            .collect();
        if !queue.is_empty() {
            mails::queue_invitations(tx, self.tenant, priority, &queue).await?;
        }
        Ok(true)
    }
}

/// The mail that carries an invitation's link.
pub(crate) fn mail(row: &Row, id: MailId) -> InvitationMail {
    InvitationMail {
        id,
        invitation_id: row.id,
        user_id: row.user_id,
        email: row.email.clone(),
        language: row.language.clone(),
    }
}

fn outcome(entry: Entry) -> Outcome {
    match (entry.refusal, entry.row) {
        (Some(refusal), _) => Err(refusal),
        (None, Some(row)) => Ok(row),
        (None, None) => Err(Error::fault("an invitation vanished while it was made")),
    }
}

//! The rows that are done in one go.

use std::time::Duration;

use contract::invitation::{BatchCreateInvitationsRequest, InvitationDraft};
use rpc::Error;
use uuid::Uuid;

use super::lease::{Lease, SECONDS};
use crate::{
    Importer,
    db::{
        commits::{self, Claimed, Tally},
        rows::{self, Draft, Outcome},
    },
};

/// How much the latest chunk counts in the rate that callers see.
const LATEST: f64 = 0.3;

/// The rows after a checkpoint.
pub struct Chunk {
    pub rows: Vec<Draft>,
}

impl Chunk {
    /// The rows after the checkpoint; `None` where all are done.
    pub async fn next(app: &Importer, of: &Claimed) -> Result<Option<Chunk>, Error> {
        let mut tx = app.store.worker().await?;
        let most = of.chunk_rows.into();
        let rows = rows::next_good(&mut tx, of.tenant_id, of.id, of.checkpoint_line, most).await?;
        tx.done().await?;
        Ok((!rows.is_empty()).then_some(Chunk { rows }))
    }

    /// What invitation is asked for: the same for the same rows, with the same
    /// request id, however often.
    pub fn request(&self, of: &Claimed) -> BatchCreateInvitationsRequest {
        let invitations = self.rows.iter().map(|row| InvitationDraft {
            email: row.email.clone(),
            first_name: row.first_name.clone(),
            last_name: row.last_name.clone(),
            role_ids: row.role_id.map(|id| id.to_string()).into_iter().collect(),
            default_group: row.default_group,
            language: of.language.clone(),
            without_mail: of.without_mails,
            ..InvitationDraft::default()
        });
        let (first, last) = (
            self.rows.first().map_or(0, |row| row.line),
            self.last_line(),
        );
        let request_id = Uuid::new_v5(
            &of.id,
            format!("lines {first} to {last}, {}", self.rows.len()).as_bytes(),
        );
        BatchCreateInvitationsRequest {
            invitations: invitations.collect(),
            request_id: request_id.to_string(),
        }
    }

    fn last_line(&self) -> i32 {
        self.rows.last().map_or(0, |row| row.line)
    }

    /// Writes down what became of the rows and moves the checkpoint behind
    /// them, both or neither; `None` where another worker has the import by
    /// now.
    pub async fn settle(
        &self,
        app: &Importer,
        lease: &Lease,
        outcomes: Vec<Outcome>,
        took: Duration,
    ) -> Result<Option<Claimed>, Error> {
        let of = &lease.of;
        let tally = tally(&outcomes, rate(of.rows_per_second, self.rows.len(), took));
        let mut tx = app.store.worker().await?;
        let moved =
            commits::advance(&mut tx, of, lease.id, SECONDS, self.last_line(), &tally).await?;
        let Some(cancelled) = moved else {
            return Ok(None);
        };
        rows::set_outcomes(&mut tx, of.tenant_id, of.id, &outcomes).await?;
        tx.done().await?;
        let (checkpoint_line, rows_per_second) = (self.last_line(), tally.rows_per_second);
        Ok(Some(Claimed {
            checkpoint_line,
            rows_per_second,
            cancelled,
            abandoned: false,
            ..of.clone()
        }))
    }
}

fn tally(outcomes: &[Outcome], rows_per_second: f64) -> Tally {
    let mut tally = Tally {
        rows_per_second,
        ..Tally::default()
    };
    for outcome in outcomes {
        match outcome.became {
            "CREATED" => tally.created += 1,
            "SKIPPED" => tally.skipped += 1,
            _ => tally.failed += 1,
        }
    }
    tally
}

/// The rate, with the chunk that was just done.
fn rate(before: f64, rows: usize, took: Duration) -> f64 {
    let now = f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) / took.as_secs_f64().max(0.001);
    if before > 0.0 {
        before * (1.0 - LATEST) + now * LATEST
    } else {
        now
    }
}

//! Sealing: each record becomes a link of its tenant's chain as it is written.
//!
//! The consumer that writes a record locks the end of the trail, `audit_heads`,
//! and moves it in the same transaction: there is never a record without a seal,
//! and no second worker that could fall behind. It costs that the feeds of a
//! tenant take turns, which they may: each is worked by one replica anyway.
//!
//! The end is signed each time, as a checkpoint. Whoever rewrites the trail in
//! Postgres can make the hashes fit, and not the signature: the next record
//! finds that the end is not as it was left, and from then on nothing signs that
//! trail. Who puts back an old end with its signature is found by a checkpoint
//! that was kept elsewhere, and by nothing else.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use chrono::DateTime;
use contract::{
    Id,
    identity::{AuditCheckpoint, AuditRecord, Tenant},
};
use rpc::Error;
use store::{Clock, Keys};

use super::chain;
use crate::{
    db::{audit_heads::Row as Head, audit_records::Row},
    timestamp,
};

/// Signs the ends of trails.
#[derive(Clone)]
pub struct Sealer {
    pair: Arc<Ed25519KeyPair>,
    clock: Clock,
}

impl Sealer {
    /// With the key that follows from the secret of the service, which is not in
    /// Postgres.
    pub fn new(keys: &Keys, clock: Clock) -> Sealer {
        Sealer {
            pair: Arc::new(keys.signer("audit checkpoint")),
            clock,
        }
    }

    /// Seals a record as the one after `head`, and answers the new end.
    pub fn seal(&self, tenant: Id<Tenant>, head: &Head, row: &mut Row) -> Result<Head, Error> {
        let whole = head.sequence == 0 || self.left(tenant, head);
        if !whole {
            tracing::error!(
                %tenant,
                sequence = head.sequence,
                "the end of an audit trail is not as it was left: somebody changed it in Postgres"
            );
        }
        row.sequence = head.sequence + 1;
        let before = head
            .hash
            .as_slice()
            .try_into()
            .map_err(|_| Error::fault("the end of an audit trail has no hash"))?;
        let record = AuditRecord::try_from(row.clone())?;
        row.hash = chain::of_record(&tenant.to_string(), before, &record).to_vec();
        // To the microsecond, as Postgres keeps it.
        let now = DateTime::from_timestamp_micros(self.clock.now().timestamp_micros());
        let mut head = Head {
            sequence: row.sequence,
            hash: row.hash.clone(),
            seal_time: now.unwrap_or_default(),
            signature: Vec::new(),
        };
        if whole {
            head.signature = self.sign(tenant, &head);
        }
        Ok(head)
    }

    /// Whether the end of a trail is as this service left it.
    pub fn left(&self, tenant: Id<Tenant>, head: &Head) -> bool {
        let checkpoint = self.checkpoint(tenant, head);
        chain::is_signed(&checkpoint, &checkpoint.public_key)
    }

    /// The end of a trail as a checkpoint.
    pub fn checkpoint(&self, tenant: Id<Tenant>, head: &Head) -> AuditCheckpoint {
        AuditCheckpoint {
            tenant_id: tenant.to_string(),
            sequence: u64::try_from(head.sequence).unwrap_or_default(),
            hash: head.hash.clone(),
            seal_time: Some(timestamp(head.seal_time)),
            signature: head.signature.clone(),
            public_key: self.pair.public_key().as_ref().to_vec(),
        }
    }

    /// The signature of the end of a trail.
    pub fn sign(&self, tenant: Id<Tenant>, head: &Head) -> Vec<u8> {
        let signed = chain::of_checkpoint(&self.checkpoint(tenant, head));
        self.pair.sign(&signed).as_ref().to_vec()
    }
}

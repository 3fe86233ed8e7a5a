//! The chain of a tenant's audit records: its hashes, as `AuditSeal` in the
//! contract defines them, and [`Verifier`], which asks for nothing but records
//! and checkpoints, so that anybody can check an export anywhere.

#[cfg(test)]
mod tests;
mod verify;

use aws_lc_rs::{
    digest::{Context, SHA256},
    signature::{ED25519, UnparsedPublicKey},
};
use contract::identity::{AuditCheckpoint, AuditRecord, FieldChange};
use prost_types::Timestamp;

pub use verify::{Finding, Verified, Verifier};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// What the first record hangs on.
pub const START: Hash = [0; 32];

/// The hash of a record of a tenant, given the hash of the record before.
#[must_use]
pub fn of_record(tenant: &str, before: &Hash, record: &AuditRecord) -> Hash {
    let seal = record.seal.clone().unwrap_or_default();
    let actor = record.actor.clone().unwrap_or_default();
    let event = record.event.clone().unwrap_or_default();
    let mut list = List::new("usher.audit.record.v1");
    list.add(before);
    list.add(tenant);
    list.add(seal.sequence.to_string());
    list.add(&record.id);
    list.time(record.occur_time.as_ref());
    list.add(&record.producer);
    list.add(&record.action);
    list.add(actor.user_id);
    list.add(actor.service);
    list.add(actor.address);
    list.add(actor.home_tenant_id);
    list.add(&record.target_id);
    list.add(&record.request_id);
    list.add(event.type_url);
    list.add(event.value);
    list.add(seal.actor_email_commitment);
    list.add(seal.changes_commitment);
    list.hash()
}

/// The commitment to the address of an actor.
#[must_use]
pub fn of_email(salt: &[u8], email: &str) -> Hash {
    let mut list = List::new("usher.audit.email.v1");
    list.add(salt);
    list.add(email);
    list.hash()
}

/// The commitment to changes.
#[must_use]
pub fn of_changes(salt: &[u8], changes: &[FieldChange]) -> Hash {
    let mut list = List::new("usher.audit.changes.v1");
    list.add(salt);
    for change in changes {
        list.add(&change.field);
        list.add(&change.before);
        list.add(&change.after);
    }
    list.hash()
}

/// What the signature of a checkpoint signs.
#[must_use]
pub fn of_checkpoint(checkpoint: &AuditCheckpoint) -> Hash {
    let mut list = List::new("usher.audit.checkpoint.v1");
    list.add(&checkpoint.tenant_id);
    list.add(checkpoint.sequence.to_string());
    list.add(&checkpoint.hash);
    list.time(checkpoint.seal_time.as_ref());
    list.hash()
}

/// Whether a checkpoint was signed by a key.
#[must_use]
pub fn is_signed(checkpoint: &AuditCheckpoint, key: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&of_checkpoint(checkpoint), &checkpoint.signature)
        .is_ok()
}

/// A list that is hashed, no two of which run together.
struct List(Context);

impl List {
    fn new(of: &str) -> List {
        let mut list = List(Context::new(&SHA256));
        list.add(of);
        list
    }

    fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn time(&mut self, time: Option<&Timestamp>) {
        let time = time.copied().unwrap_or_default();
        self.add(time.seconds.to_string());
        self.add(time.nanos.to_string());
    }

    fn hash(self) -> Hash {
        let mut hash = START;
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

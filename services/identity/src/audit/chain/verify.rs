//! Checking a trail.

use std::{collections::BTreeMap, fmt};

use contract::identity::{AuditCheckpoint, AuditRecord, AuditSeal};

use super::{Hash, START, is_signed, of_changes, of_email, of_record};
use crate::{NAME, audit::describe::describe};

/// The first thing that is wrong with a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The place of the record.
    pub sequence: u64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.sequence, self.what)
    }
}

/// What was checked, and is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The records.
    pub records: u64,
    /// How many of them no checkpoint covers yet: whoever can write to Postgres
    /// could have added or left out some of these.
    pub uncovered: u64,
    /// The checkpoints.
    pub checkpoints: usize,
}

/// Checks the records of a tenant, one after the other from the first on,
/// against each other and against checkpoints.
pub struct Verifier {
    tenant: String,
    checkpoints: BTreeMap<u64, Vec<AuditCheckpoint>>,
    last: u64,
    hash: Hash,
    /// Users of whom something was erased, with the first record of which, as
    /// long as the trail has not told that they were deleted.
    erased: BTreeMap<String, u64>,
}

impl Verifier {
    /// Checks the records of a tenant against checkpoints, each of which must be
    /// signed by one of these keys.
    pub fn new(
        tenant: &str,
        keys: &[Vec<u8>],
        checkpoints: Vec<AuditCheckpoint>,
    ) -> Result<Verifier, Finding> {
        let mut by_sequence: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for checkpoint in checkpoints {
            let signed = keys.iter().any(|key| is_signed(&checkpoint, key));
            if !signed || checkpoint.tenant_id != tenant {
                let whose = format!("its checkpoint {} is not", made(&checkpoint));
                let what = if signed {
                    format!("{whose} of this tenant")
                } else {
                    format!("{whose} signed by a key that is trusted")
                };
                return Err(at(checkpoint.sequence, what));
            }
            by_sequence
                .entry(checkpoint.sequence)
                .or_default()
                .push(checkpoint);
        }
        Ok(Verifier {
            tenant: tenant.to_owned(),
            checkpoints: by_sequence,
            last: 0,
            hash: START,
            erased: BTreeMap::new(),
        })
    }

    /// Checks the next record.
    pub fn read(&mut self, record: &AuditRecord) -> Result<(), Finding> {
        let seal = record.seal.clone().unwrap_or_default();
        let expected = self.last + 1;
        if seal.sequence != expected {
            let what = format!("record {} stands in its place", seal.sequence);
            return Err(at(expected, what));
        }
        let hash = of_record(&self.tenant, &self.hash, record);
        if seal.hash != hash {
            let what = "it, or the one before it, is not as it was sealed";
            return Err(at(expected, what));
        }
        let broken = check_email(record, &seal).or_else(|| check_changes(record, &seal));
        if let Some(what) = broken {
            return Err(at(expected, what));
        }
        self.note_erased(record, &seal);
        for checkpoint in self.checkpoints.get(&expected).into_iter().flatten() {
            if checkpoint.hash != hash {
                let what = format!("it is not the one of the checkpoint {}", made(checkpoint));
                return Err(at(expected, what));
            }
        }
        (self.last, self.hash) = (expected, hash);
        Ok(())
    }

    /// Says what was checked, once there are no more records.
    pub fn end(self) -> Result<Verified, Finding> {
        let last_checkpoint = self.checkpoints.last_key_value();
        if let Some((&sequence, checkpoints)) = last_checkpoint
            && sequence > self.last
        {
            let made = checkpoints.first().map(made).unwrap_or_default();
            let what = format!("it is missing, and the checkpoint {made} had record {sequence}");
            return Err(at(self.last + 1, what));
        }
        if let Some((user, sequence)) = self.erased.iter().min_by_key(|(_, sequence)| **sequence) {
            let what = format!("what it told of user {user} is gone, and they were not deleted");
            return Err(at(*sequence, what));
        }
        Ok(Verified {
            records: self.last,
            uncovered: self.last - last_checkpoint.map_or(0, |(&sequence, _)| sequence),
            checkpoints: self.checkpoints.values().map(Vec::len).sum(),
        })
    }

    fn note_erased(&mut self, record: &AuditRecord, seal: &AuditSeal) {
        let actor = record.actor.as_ref().map(|actor| actor.user_id.as_str());
        let gone = [
            (&seal.actor_email_commitment, &seal.actor_email_salt, actor),
            (
                &seal.changes_commitment,
                &seal.changes_salt,
                Some(record.target_id.as_str()),
            ),
        ];
        for (commitment, salt, user) in gone {
            if !commitment.is_empty() && salt.is_empty() {
                let user = user.unwrap_or_default().to_owned();
                self.erased.entry(user).or_insert(seal.sequence);
            }
        }
        if record.producer == NAME && record.action == "user_deleted" {
            self.erased.remove(&record.target_id);
        }
    }
}

fn check_email(record: &AuditRecord, seal: &AuditSeal) -> Option<&'static str> {
    let (commitment, salt) = (&seal.actor_email_commitment, &seal.actor_email_salt);
    let holds = if salt.is_empty() {
        record.actor_email.is_empty()
    } else {
        *commitment == of_email(salt, &record.actor_email)
    };
    (!holds).then_some("the address of its actor is not as it was sealed")
}

fn check_changes(record: &AuditRecord, seal: &AuditSeal) -> Option<&'static str> {
    let (commitment, salt) = (&seal.changes_commitment, &seal.changes_salt);
    let holds = match (commitment.is_empty(), salt.is_empty()) {
        (true, true) => {
            let event = record.event.clone().unwrap_or_default();
            let name = event.type_url.rsplit_once('/').map_or("", |(_, name)| name);
            match describe(name, &event.value) {
                Ok(described) => described.changes == record.changes,
                Err(_) => return Some("it is of an event that this release does not know"),
            }
        }
        (false, true) => record.changes.is_empty(),
        (_, false) => *commitment == of_changes(salt, &record.changes),
    };
    (!holds).then_some("its changes are not as they were sealed")
}

fn at(sequence: u64, what: impl Into<String>) -> Finding {
    Finding {
        sequence,
        what: what.into(),
    }
}

/// When a checkpoint was made, in words.
fn made(checkpoint: &AuditCheckpoint) -> String {
    let time = checkpoint.seal_time.unwrap_or_default();
    format!("of {time}")
}

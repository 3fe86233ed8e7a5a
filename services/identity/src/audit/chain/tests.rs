//! What the verifier finds (B-83): here over records as they are exported, with
//! an attacker who can change everything in Postgres and has not the key. What a
//! real Postgres makes of it is told by the journeys.

use chrono::DateTime;
use contract::{
    Id,
    identity::{
        AuditCheckpoint, AuditRecord, AuditSeal, Event, FieldChange, Tenant, User, UserDeleted,
        UserDisabled,
    },
};
use proptest::{
    prelude::Rng as _,
    test_runner::{RngAlgorithm, TestRng},
};
use prost::{Message as _, Name as _};
use store::{Clock, Keys};
use uuid::Uuid;

use super::{Finding, Hash, START, Verified, Verifier, of_changes, of_email, of_record};
use crate::{
    audit::seal::Sealer,
    db::{audit_heads::Row as Head, audit_records::Row},
};

/// The records of a trail.
const LENGTH: usize = 24;
/// How often somebody tampers.
const ATTACKS: usize = 10_000;
/// How often nobody does.
const PEACE: usize = 500;

/// A trail and what was signed of it.
#[derive(Clone)]
struct Trail {
    tenant: String,
    records: Vec<AuditRecord>,
    checkpoints: Vec<AuditCheckpoint>,
}

impl Trail {
    fn verify(&self, key: &[u8]) -> Result<Verified, Finding> {
        let keys = [key.to_vec()];
        let mut verifier = Verifier::new(&self.tenant, &keys, self.checkpoints.clone())?;
        for record in &self.records {
            verifier.read(record)?;
        }
        verifier.end()
    }

    /// Makes the chain fit again, as anybody can: new places, new commitments to
    /// what there is, new hashes.
    fn relink(&mut self) {
        let mut before = START;
        for (at, record) in self.records.iter_mut().enumerate() {
            let email = record.actor_email.clone();
            let changes = record.changes.clone();
            let seal = record.seal.get_or_insert_default();
            seal.sequence = at as u64 + 1;
            if !seal.actor_email_salt.is_empty() {
                seal.actor_email_commitment = of_email(&seal.actor_email_salt, &email).to_vec();
            }
            if !seal.changes_salt.is_empty() {
                seal.changes_commitment = of_changes(&seal.changes_salt, &changes).to_vec();
            }
            let hash = of_record(&self.tenant, &before, record);
            record.seal.get_or_insert_default().hash = hash.to_vec();
            before = hash;
        }
    }
}

fn rng() -> TestRng {
    TestRng::deterministic_rng(RngAlgorithm::ChaCha)
}

fn below(rng: &mut TestRng, limit: usize) -> usize {
    usize::try_from(rng.next_u64() % limit as u64).unwrap_or_default()
}

fn sealer() -> Sealer {
    Sealer::new(&Keys::new(&[7; 32]), Clock::system())
}

fn key() -> Vec<u8> {
    let head = Head {
        sequence: 0,
        hash: START.to_vec(),
        seal_time: DateTime::UNIX_EPOCH,
        signature: Vec::new(),
    };
    sealer().checkpoint(Id::new(), &head).public_key
}

fn row(about: impl Into<Event>, target: Id<User>, action: &str) -> Row {
    Row {
        id: Id::<()>::new().uuid(),
        occur_time: DateTime::from_timestamp(1_800_000_000, 123_456_000).unwrap_or_default(),
        producer: "identity".into(),
        action: action.into(),
        actor_user_id: Some(Id::<User>::new().uuid()),
        actor_service: String::new(),
        actor_address: "192.0.2.7".into(),
        actor_home_tenant_id: Some(Uuid::nil()),
        actor_email: String::new(),
        target_id: Some(target.uuid()),
        request_id: Id::<()>::new().to_string(),
        event_type: Event::full_name(),
        event: about.into().encode_to_vec(),
        sequence: 0,
        hash: Vec::new(),
        actor_email_commitment: Vec::new(),
        actor_email_salt: None,
        changes_commitment: Vec::new(),
        changes_salt: None,
        changes: None,
    }
}

/// A trail as the service makes it: some records with the address of their
/// actor, some with changes, and one user who was deleted, so that what was told
/// of them is gone. It has a checkpoint somewhere and one at its end.
fn trail(rng: &mut TestRng) -> Trail {
    let (sealer, tenant, gone) = (sealer(), Id::<Tenant>::new(), Id::<User>::new());
    let middle = below(rng, LENGTH - 1) + 1;
    let mut head = Head {
        sequence: 0,
        hash: START.to_vec(),
        seal_time: DateTime::UNIX_EPOCH,
        signature: Vec::new(),
    };
    let mut whole = Trail {
        tenant: tenant.to_string(),
        records: Vec::new(),
        checkpoints: Vec::new(),
    };
    for at in 1..=LENGTH {
        let last = at == LENGTH;
        let told = at % 5 == 0;
        let target = if told || last { gone } else { Id::new() };
        let user_id = target.to_string();
        let mut row = if last {
            row(UserDeleted { user_id }, target, "user_deleted")
        } else {
            row(UserDisabled { user_id }, target, "user_disabled")
        };
        let (email, changes) = personal(rng, at, &mut row);
        head = sealer.seal(tenant, &head, &mut row).expect("a seal");
        let mut record = AuditRecord::try_from(row).expect("a record");
        (record.actor_email, record.changes) = (email, changes);
        if told {
            erase(&mut record);
        }
        whole.records.push(record);
        if at == middle || last {
            whole.checkpoints.push(sealer.checkpoint(tenant, &head));
        }
    }
    whole
}

/// Commits to an address, and for some to changes.
fn personal(rng: &mut TestRng, at: usize, row: &mut Row) -> (String, Vec<FieldChange>) {
    let salt = rng.next_u64().to_be_bytes().repeat(4);
    if at.is_multiple_of(5) {
        row.changes_commitment = of_changes(&salt, &[]).to_vec();
        row.changes_salt = Some(salt);
        return (String::new(), Vec::new());
    }
    let email = format!("actor{at}@acme.example");
    row.actor_email_commitment = of_email(&salt, &email).to_vec();
    row.actor_email_salt = Some(salt.clone());
    let mut changes = Vec::new();
    if at.is_multiple_of(3) {
        changes.push(FieldChange {
            field: "first_name".into(),
            before: "Ada".into(),
            after: "Augusta".into(),
        });
        row.changes_commitment = of_changes(&salt, &changes).to_vec();
        row.changes_salt = Some(salt);
    }
    (email, changes)
}

/// What erasing does to a record.
fn erase(record: &mut AuditRecord) {
    record.actor_email.clear();
    record.changes.clear();
    let seal = record.seal.get_or_insert_default();
    seal.actor_email_salt.clear();
    seal.changes_salt.clear();
}

/// A bit of a record is flipped, whichever it is, so that it reads otherwise.
fn flip(rng: &mut TestRng, record: &mut AuditRecord) {
    loop {
        let mut bytes = record.encode_to_vec();
        let at = below(rng, bytes.len() * 8);
        bytes[at / 8] ^= 1 << (at % 8);
        if let Ok(other) = AuditRecord::decode(bytes.as_slice())
            && other != *record
        {
            *record = other;
            return;
        }
    }
}

/// One attack of a kind; answers what was done.
fn attack(rng: &mut TestRng, trail: &mut Trail) -> String {
    let at = below(rng, LENGTH);
    let relinked = rng.next_u64().is_multiple_of(2);
    let what = match below(rng, 7) {
        0 => {
            let before = trail.records[at].clone();
            flip(rng, &mut trail.records[at]);
            // Not mended: mending would put back what was flipped in a seal.
            return format!("{before:?} is read as {:?}", trail.records[at]);
        }
        1 => {
            let actor = trail.records[at].actor.get_or_insert_default();
            actor.user_id = Id::<User>::new().to_string();
            "another actor"
        }
        2 => {
            trail.records.remove(at);
            "a record is left out"
        }
        3 => {
            let other = (at + 1 + below(rng, LENGTH - 1)) % LENGTH;
            trail.records.swap(at, other);
            "two change places"
        }
        4 => {
            let copy = trail.records[below(rng, LENGTH)].clone();
            trail.records.insert(at, copy);
            "one is put in"
        }
        5 => {
            trail.records.truncate(at);
            "the tail is cut"
        }
        _ => {
            let held = |record: &AuditRecord| {
                let seal = record.seal.clone().unwrap_or_default();
                !seal.actor_email_salt.is_empty()
            };
            let open: Vec<_> = (0..LENGTH).filter(|at| held(&trail.records[*at])).collect();
            erase(&mut trail.records[open[below(rng, open.len())]]);
            "somebody who is there is forgotten"
        }
    };
    if relinked {
        trail.relink();
    }
    what.to_owned()
}

#[test]
fn b_83_every_tampering_is_found_and_nothing_else() {
    let (mut rng, key) = (rng(), key());
    let mut missed = Vec::new();
    for _ in 0..ATTACKS / 100 {
        let whole = trail(&mut rng);
        whole.verify(&key).expect("nobody touched it");
        for _ in 0..100 {
            let mut tampered = whole.clone();
            let what = attack(&mut rng, &mut tampered);
            // What stands after the last checkpoint is told to be proven by none.
            let found = tampered.verify(&key);
            if found.is_ok_and(|whole| whole.uncovered == 0) {
                missed.push(what);
            }
        }
    }
    assert!(missed.is_empty(), "{} missed: {missed:?}", missed.len());
    for _ in 0..PEACE {
        let found = trail(&mut rng).verify(&key);
        let records = found.expect("nobody touched it").records;
        assert_eq!(records, LENGTH as u64);
    }
}

#[test]
fn b_83_the_first_bad_record_is_named() {
    let mut tampered = trail(&mut rng());
    tampered.records[6].action = "user_enabled".into();
    let finding = tampered.verify(&key()).expect_err("it was changed");
    assert_eq!(finding.sequence, 7, "{finding}");
}

#[test]
fn b_83_a_checkpoint_of_another_key_or_tenant_is_refused() {
    let mut rng = rng();
    let whole = trail(&mut rng);
    let other = Sealer::new(&Keys::new(&[8; 32]), Clock::system());
    let mut head = Head {
        sequence: 1,
        hash: whole.checkpoints[0].hash.clone(),
        seal_time: DateTime::UNIX_EPOCH,
        signature: Vec::new(),
    };
    let tenant = whole.tenant.parse().expect("an id");
    head.signature = other.sign(tenant, &head);
    let mut forged = whole.clone();
    forged.checkpoints = vec![other.checkpoint(tenant, &head)];
    assert!(forged.verify(&key()).is_err(), "of another key");
    let mut foreign = whole.clone();
    foreign.checkpoints = trail(&mut rng).checkpoints;
    assert!(foreign.verify(&key()).is_err(), "of another tenant");
}

/// What nobody but the service can do: a rewritten trail, signed again. The next
/// record finds the end as it was not left, and from then on nothing is signed.
#[test]
fn b_83_a_trail_that_was_changed_is_never_signed_again() {
    let (sealer, tenant) = (sealer(), Id::<Tenant>::new());
    let mut first = row(UserDisabled::default(), Id::new(), "user_disabled");
    let none = Head {
        sequence: 0,
        hash: START.to_vec(),
        seal_time: DateTime::UNIX_EPOCH,
        signature: Vec::new(),
    };
    let mut head = sealer.seal(tenant, &none, &mut first).expect("a seal");
    assert!(sealer.left(tenant, &head));
    let rewritten: Hash = [1; 32];
    head.hash = rewritten.to_vec();
    for _ in 0..2 {
        let mut next = row(UserDisabled::default(), Id::new(), "user_disabled");
        head = sealer.seal(tenant, &head, &mut next).expect("a seal");
        assert!(head.signature.is_empty(), "it was signed again");
        assert!(!sealer.left(tenant, &head));
    }
}

/// The canonical form, so that it never changes by accident: a trail that was
/// exported years ago must verify.
#[test]
fn the_hash_of_a_record_is_what_it_always_was() {
    let record = AuditRecord {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        producer: "identity".into(),
        action: "user_disabled".into(),
        seal: Some(AuditSeal {
            sequence: 1,
            ..AuditSeal::default()
        }),
        ..AuditRecord::default()
    };
    let hash = of_record("01890a5d-ac96-774b-bcce-b302099a8056", &START, &record);
    let always = "ad760ac5265d0a2357473a3534f0575ea4a451eca939935d75504d82686a4c24";
    assert_eq!(hex::encode(hash), always);
}

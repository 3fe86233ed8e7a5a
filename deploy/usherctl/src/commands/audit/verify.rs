//! Checks the audit trail: the whole of it, against itself, against what Usher
//! signs now, and against checkpoints that were kept elsewhere.

use std::{
    collections::BTreeSet,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
};

use contract::identity::{
    AuditCheckpoint, AuditRecord, ExportAuditRecordsRequest,
    audit_service_client::AuditServiceClient,
};
use identity::chain::{Finding, Verified, Verifier};
use prost::{Message, Name};
use serde_json::Value;
use tonic::Code;

use crate::{Session, failure::Failure, pages::Limit};

pub const EXAMPLES: &str = "\
Examples:
  usherctl audit verify
  usherctl audit verify --checkpoints checkpoints.jsonl
  usherctl audit verify --records trail.jsonl --checkpoints checkpoints.jsonl --key 3b6a27bc…

Without --checkpoints it holds against whoever changes records in Postgres, but
not against whoever puts back an older state of it as a whole.";

/// What is checked, against what.
#[derive(clap::Args)]
pub struct Verify {
    /// Checkpoints that were kept elsewhere: `audit checkpoint`, or the file or
    /// log of Usher
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// An export to check instead of the trail itself; nothing is asked of Usher
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// A key, in hex, that checkpoints may be signed by, beside the one that
    /// Usher has now
    #[arg(long, value_name = "HEX")]
    key: Vec<String>,
    /// The id of the tenant, for an export without checkpoints
    #[arg(long, value_name = "ID", requires = "records")]
    tenant_id: Option<String>,
}

impl Verify {
    pub async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let mut given = Vec::new();
        for path in &self.checkpoints {
            each(session, path, |checkpoint| given.push(checkpoint))?;
        }
        let hex = |key: &String| {
            hex::decode(key).map_err(|_| Failure::usage(format!("{key:?} is no key in hex")))
        };
        let keys = self.key.iter().map(hex).collect::<Result<Vec<_>, _>>()?;
        let found = match &self.records {
            Some(path) => {
                let tenant = tenant(self.tenant_id.clone(), &given)?;
                exported(session, path, &tenant, &keys, given)?
            }
            None => live(session, keys, given).await?,
        };
        tell(session, &found)
    }
}

/// Says what was found.
fn tell(session: &Session, found: &Result<Verified, Finding>) -> Result<ExitCode, Failure> {
    let (code, fields) = match found {
        Ok(whole) => (
            ExitCode::SUCCESS,
            [
                ("Whole", "yes".to_owned()),
                ("Records", whole.records.to_string()),
                ("Checkpoints", whole.checkpoints.to_string()),
                ("Not covered", whole.uncovered.to_string()),
            ],
        ),
        Err(finding) => (
            ExitCode::from(1),
            [
                ("Whole", "no".to_owned()),
                ("First bad", finding.sequence.to_string()),
                ("Why", finding.what.clone()),
                ("Not covered", String::new()),
            ],
        ),
    };
    let rows = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let rows = rows.map(|(name, value)| [name.to_owned(), value]).collect();
    session.print.rows(["Trail", "Found"], rows)?;
    Ok(code)
}

/// Checks the trail as Usher has it.
async fn live(
    session: &Session,
    mut keys: Vec<Vec<u8>>,
    mut checkpoints: Vec<AuditCheckpoint>,
) -> Result<Result<Verified, Finding>, Failure> {
    let kept = super::checkpoints(session, Limit::ALL).await?.entries;
    // First: what happens meanwhile comes after it.
    let now = match super::checkpoint(session).await {
        // Then the trail says where.
        Err(Failure::Refused(status)) if status.code() == Code::DataLoss => Err(status),
        other => Ok(other?),
    };
    let known = now.iter().chain(&kept);
    keys.extend(known.clone().map(|one| one.public_key.clone()).take(1));
    let tenant = tenant(known.map(|one| one.tenant_id.clone()).next(), &checkpoints)?;
    // A file of Usher has those of all tenants.
    checkpoints.retain(|one| one.tenant_id == tenant);
    checkpoints.extend(kept);
    checkpoints.extend(now.iter().cloned());
    let mut verifier = match Verifier::new(&tenant, &keys, checkpoints) {
        Ok(verifier) => verifier,
        Err(finding) => return Ok(Err(finding)),
    };
    let mut client = AuditServiceClient::new(session.client.gateway());
    let ask = ExportAuditRecordsRequest::default();
    let mut pieces = client.export_audit_records(ask).await?.into_inner();
    let mut last = 0;
    while let Some(piece) = pieces.message().await? {
        for record in &piece.records {
            if let Err(finding) = verifier.read(record) {
                return Ok(Err(finding));
            }
            last += 1;
        }
    }
    Ok(verifier.end().and_then(|whole| match now {
        Ok(_) => Ok(whole),
        Err(status) => Err(Finding {
            sequence: last,
            what: status.message().to_owned(),
        }),
    }))
}

/// Checks an export.
fn exported(
    session: &Session,
    path: &Path,
    tenant: &str,
    keys: &[Vec<u8>],
    mut checkpoints: Vec<AuditCheckpoint>,
) -> Result<Result<Verified, Finding>, Failure> {
    checkpoints.retain(|one| one.tenant_id == tenant);
    let mut verifier = match Verifier::new(tenant, keys, checkpoints) {
        Ok(verifier) => verifier,
        Err(finding) => return Ok(Err(finding)),
    };
    let mut found = Ok(());
    each(session, path, |record: AuditRecord| {
        if found.is_ok() {
            found = verifier.read(&record);
        }
    })?;
    Ok(found.and_then(|()| verifier.end()))
}

/// Whose trail it is.
fn tenant(said: Option<String>, checkpoints: &[AuditCheckpoint]) -> Result<String, Failure> {
    if let Some(said) = said {
        return Ok(said);
    }
    let tenants: BTreeSet<_> = checkpoints.iter().map(|one| &one.tenant_id).collect();
    match tenants.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(Failure::usage("whose trail is it? See --tenant-id")),
    }
}

/// Takes the messages of a file, JSON one after the other or in lists.
fn each<M: Message + Name + Default>(
    session: &Session,
    path: &Path,
    mut take: impl FnMut(M),
) -> Result<(), Failure> {
    let file = File::open(path).map_err(|error| Failure::io(path.display(), &error))?;
    let values = serde_json::Deserializer::from_reader(BufReader::new(file)).into_iter();
    for value in values {
        match value.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))? {
            Value::Array(values) => {
                for value in values {
                    take(session.print.read(value)?);
                }
            }
            value => take(session.print.read(value)?),
        }
    }
    Ok(())
}

//! The audit trail of the tenant.

mod export;
mod verify;
mod watch;

use std::{
    io::{IsTerminal as _, stdout},
    path::PathBuf,
    process::ExitCode,
};

use contract::identity::{
    AuditCheckpoint, AuditFilter, AuditRecord, GetAuditCheckpointRequest,
    ListAuditCheckpointsRequest, ListAuditRecordsRequest, audit_service_client::AuditServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, Listed, list},
    print::{time, write_line},
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Audit {
    /// List what happened, oldest first
    #[command(
        after_help = "Example:\n  usherctl audit list --actor ada@acme.example --action user_disabled --all"
    )]
    List {
        #[command(flatten)]
        only: Only,
        #[command(flatten)]
        limit: Limit,
    },
    /// Write all of it, as lines of JSON that `verify` can check, or as CSV
    #[command(after_help = "Example:\n  usherctl audit export --to trail.jsonl")]
    Export {
        #[command(flatten)]
        only: Only,
        /// Only records after the one of this number
        #[arg(long, default_value_t = 0, value_name = "SEQUENCE")]
        after: u64,
        /// The form
        #[arg(long, default_value = "json")]
        format: export::Format,
        /// The file; stdout where none is named
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Show what happens as it happens, until interrupted
    #[command(after_help = "Example:\n  usherctl audit watch --action login_failed")]
    Watch {
        #[command(flatten)]
        only: Only,
        /// Begin after the record of this number; without it, now
        #[arg(long, value_name = "SEQUENCE")]
        after: Option<u64>,
    },
    /// A signed statement of how long the trail is and how it ends; keep it where
    /// nobody who can write to Postgres can
    #[command(after_help = "Example:\n  usherctl audit checkpoint >> checkpoints.jsonl")]
    Checkpoint,
    /// List the checkpoints that Usher made by itself, oldest first
    Checkpoints {
        #[command(flatten)]
        limit: Limit,
    },
    /// Check that nobody changed the trail; exit code 1 says somebody did
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::Verify),
}

/// Which records are wanted.
#[derive(clap::Args)]
pub struct Only {
    /// Only what this user did
    #[arg(long)]
    actor: Option<String>,
    /// Only what happened to this id
    #[arg(long, default_value = "")]
    target: String,
    /// Only these actions, such as `user_disabled`
    #[arg(long)]
    action: Vec<String>,
    /// Only from this time on (RFC 3339)
    #[arg(long)]
    since: Option<prost_types::Timestamp>,
    /// Only before this time (RFC 3339)
    #[arg(long)]
    until: Option<prost_types::Timestamp>,
    /// Only what was done from this network address
    #[arg(long, default_value = "")]
    address: String,
    /// Only what this request did, by its id
    #[arg(long, default_value = "")]
    request: String,
}

impl Only {
    async fn filter(self, session: &Session) -> Result<AuditFilter, Failure> {
        let actor_user_id = match self.actor {
            Some(actor) => names::user(session, &actor).await?,
            None => String::new(),
        };
        Ok(AuditFilter {
            actor_user_id,
            target_id: self.target,
            actions: self.action,
            start_time: self.since,
            end_time: self.until,
            address: self.address,
            request: self.request,
        })
    }
}

impl Audit {
    pub async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Audit::Verify(verify) => return verify.run(session).await,
            Audit::List { only, limit } => all(session, only.filter(session).await?, limit).await,
            Audit::Export {
                only,
                after,
                format,
                to,
            } => export::run(session, only.filter(session).await?, after, format, to).await,
            Audit::Watch { only, after } => {
                watch::run(session, only.filter(session).await?, after).await
            }
            Audit::Checkpoint => {
                let checkpoint = checkpoint(session).await?;
                if stdout().is_terminal() {
                    show(session, &checkpoint)
                } else {
                    write_line(&session.print.line(&checkpoint)?)
                }
            }
            Audit::Checkpoints { limit } => {
                let listed = checkpoints(session, limit).await?;
                let header = ["Sealed", "Record", "Hash"];
                session
                    .print
                    .many(&listed, header, |one: &AuditCheckpoint| {
                        [
                            time(one.seal_time.as_ref()),
                            one.sequence.to_string(),
                            hex::encode(&one.hash),
                        ]
                    })
            }
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn all(session: &Session, only: AuditFilter, limit: Limit) -> Result<(), Failure> {
    let only = ListAuditRecordsRequest {
        actor_user_id: only.actor_user_id,
        target_id: only.target_id,
        actions: only.actions,
        start_time: only.start_time,
        end_time: only.end_time,
        address: only.address,
        request: only.request,
        ..Default::default()
    };
    let client = AuditServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListAuditRecordsRequest {
            page_size,
            page_token,
            ..only.clone()
        };
        async move { client.list_audit_records(ask).await }
    };
    let listed = list(limit, ask, |page| {
        (page.records, page.next_page_token, page.total_size)
    })
    .await?;
    let header = ["Time", "Action", "By", "Address", "Target", "Changes"];
    session.print.many(&listed, header, |record: &AuditRecord| {
        [
            time(record.occur_time.as_ref()),
            record.action.clone(),
            by(record).to_owned(),
            record.actor.clone().unwrap_or_default().address,
            record.target_id.clone(),
            changes(record),
        ]
    })
}

/// Who did it, by the name that says most.
fn by(record: &AuditRecord) -> &str {
    let actor = record.actor.as_ref();
    let names = [
        record.actor_email.as_str(),
        actor.map_or("", |actor| &actor.user_id),
        actor.map_or("", |actor| &actor.service),
    ];
    names
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

fn changes(record: &AuditRecord) -> String {
    let change = |one: &contract::identity::FieldChange| {
        format!("{}: {:?} → {:?}", one.field, one.before, one.after)
    };
    let changes: Vec<_> = record.changes.iter().map(change).collect();
    changes.join("; ")
}

async fn checkpoint(session: &Session) -> Result<AuditCheckpoint, Failure> {
    let mut client = AuditServiceClient::new(session.client.gateway());
    let reply = client
        .get_audit_checkpoint(GetAuditCheckpointRequest {})
        .await?;
    Ok(reply.into_inner().checkpoint.unwrap_or_default())
}

async fn checkpoints(session: &Session, limit: Limit) -> Result<Listed<AuditCheckpoint>, Failure> {
    let client = AuditServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListAuditCheckpointsRequest {
            page_size,
            page_token,
        };
        async move { client.list_audit_checkpoints(ask).await }
    };
    list(limit, ask, |page| {
        (page.checkpoints, page.next_page_token, page.total_size)
    })
    .await
}

fn show(session: &Session, checkpoint: &AuditCheckpoint) -> Result<(), Failure> {
    let fields = [
        ("Tenant", checkpoint.tenant_id.clone()),
        ("Record", checkpoint.sequence.to_string()),
        ("Hash", hex::encode(&checkpoint.hash)),
        ("Sealed", time(checkpoint.seal_time.as_ref())),
        ("Key", hex::encode(&checkpoint.public_key)),
        ("Signature", hex::encode(&checkpoint.signature)),
    ];
    session.print.one(checkpoint, &fields)
}

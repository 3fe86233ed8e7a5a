//! The audit trail (requirement O-03): what the feeds of all services tell,
//! kept as it was told. Records come from events and from nothing else, so
//! every committed change has exactly one, in the tenant where it happened
//! (B-84).
//!
//! The records of a tenant are a chain whose end is signed (B-83): [`chain`] says
//! how it hangs together, [`seal`] how it is made and what that holds against.
//! What a change did to whom is in [`changes`].

pub mod chain;
pub mod changes;
pub mod checkpoints;
mod describe;
mod export;
mod filter;
mod get_checkpoint;
mod list;
mod list_checkpoints;
mod reader;
pub mod record;
pub mod seal;
pub mod watch;

use std::pin::Pin;

use contract::{
    feed::Actor,
    identity::{
        AuditRecord, AuditSeal, ExportAuditRecordsRequest, ExportAuditRecordsResponse,
        GetAuditCheckpointRequest, GetAuditCheckpointResponse, ListAuditCheckpointsRequest,
        ListAuditCheckpointsResponse, ListAuditRecordsRequest, ListAuditRecordsResponse,
        WatchAuditRecordsRequest, WatchAuditRecordsResponse, audit_service_server::AuditService,
    },
};
use prost_types::Any;
use rpc::{Error, Reply};
use tokio_stream::Stream;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::{Identity, db::audit_records::Row, timestamp, total};

/// What a method streams.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AuditService for Identity {
    type ExportAuditRecordsStream = Answers<ExportAuditRecordsResponse>;
    type WatchAuditRecordsStream = Answers<WatchAuditRecordsResponse>;

    async fn list_audit_records(
        &self,
        request: Request<ListAuditRecordsRequest>,
    ) -> Reply<ListAuditRecordsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn export_audit_records(
        &self,
        request: Request<ExportAuditRecordsRequest>,
    ) -> Reply<Self::ExportAuditRecordsStream> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(export::run(self, caller, ask).await)
    }

    async fn watch_audit_records(
        &self,
        request: Request<WatchAuditRecordsRequest>,
    ) -> Reply<Self::WatchAuditRecordsStream> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(watch::run(self, caller, ask).await)
    }

    async fn get_audit_checkpoint(
        &self,
        request: Request<GetAuditCheckpointRequest>,
    ) -> Reply<GetAuditCheckpointResponse> {
        let (caller, _) = rpc::open(request)?;
        rpc::reply(get_checkpoint::run(self, &caller).await)
    }

    async fn list_audit_checkpoints(
        &self,
        request: Request<ListAuditCheckpointsRequest>,
    ) -> Reply<ListAuditCheckpointsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list_checkpoints::run(self, &caller, ask).await)
    }
}

impl TryFrom<Row> for AuditRecord {
    type Error = Error;

    fn try_from(row: Row) -> Result<AuditRecord, Error> {
        let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        // What was changed about a person is told until it is erased, anything
        // else by the event.
        let changes = match &row.changes {
            Some(kept) => changes::decode(kept)?,
            None if !row.changes_commitment.is_empty() => Vec::new(),
            None => describe::describe(&row.event_type, &row.event)?.changes,
        };
        Ok(AuditRecord {
            id: row.id.to_string(),
            occur_time: Some(timestamp(row.occur_time)),
            producer: row.producer,
            action: row.action,
            actor: Some(Actor {
                user_id: text(row.actor_user_id),
                service: row.actor_service,
                address: row.actor_address,
                home_tenant_id: text(row.actor_home_tenant_id),
            }),
            actor_email: row.actor_email,
            target_id: text(row.target_id),
            request_id: row.request_id,
            event: Some(Any {
                type_url: format!("type.googleapis.com/{}", row.event_type),
                value: row.event,
            }),
            changes,
            seal: Some(AuditSeal {
                sequence: total(row.sequence),
                hash: row.hash,
                actor_email_commitment: row.actor_email_commitment,
                actor_email_salt: row.actor_email_salt.unwrap_or_default(),
                changes_commitment: row.changes_commitment,
                changes_salt: row.changes_salt.unwrap_or_default(),
            }),
        })
    }
}

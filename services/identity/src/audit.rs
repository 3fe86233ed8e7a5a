//! The audit trail (requirement O-03): what the feeds of all services tell,
//! kept as it was told. Records come from events and from nothing else, so
//! every committed change has exactly one, in the tenant where it happened.

mod describe;
mod list;
pub mod record;

use contract::{
    feed::Actor,
    identity::{
        AuditRecord, ListAuditRecordsRequest, ListAuditRecordsResponse,
        audit_service_server::AuditService,
    },
};
use prost_types::Any;
use rpc::Reply;
use tonic::Request;
use uuid::Uuid;

use crate::{Identity, db, timestamp};

#[tonic::async_trait]
impl AuditService for Identity {
    async fn list_audit_records(
        &self,
        request: Request<ListAuditRecordsRequest>,
    ) -> Reply<ListAuditRecordsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }
}

impl From<db::audit_records::Row> for AuditRecord {
    fn from(row: db::audit_records::Row) -> AuditRecord {
        let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        AuditRecord {
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
        }
    }
}

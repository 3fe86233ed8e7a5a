//! The audit trail of the tenant.

use contract::identity::{
    AuditRecord, ListAuditRecordsRequest, audit_service_client::AuditServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::time,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Audit {
    /// List what happened, oldest first
    #[command(
        after_help = "Example:\n  usherctl audit list --actor ada@acme.example --action user_disabled --all"
    )]
    List {
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
        #[command(flatten)]
        limit: Limit,
    },
}

impl Audit {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let Audit::List {
            actor,
            target,
            action,
            since,
            until,
            limit,
        } = self;
        let actor_user_id = match actor {
            Some(actor) => names::user(session, &actor).await?,
            None => String::new(),
        };
        let only = ListAuditRecordsRequest {
            actor_user_id,
            target_id: target,
            actions: action,
            start_time: since,
            end_time: until,
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
        session.print.many(
            &listed,
            ["Time", "Action", "By", "Address", "Target"],
            |record: &AuditRecord| {
                let actor = record.actor.clone().unwrap_or_default();
                let by = [&record.actor_email, &actor.user_id, &actor.service]
                    .into_iter()
                    .find(|by| !by.is_empty());
                [
                    time(record.occur_time.as_ref()),
                    record.action.clone(),
                    by.cloned().unwrap_or_default(),
                    actor.address,
                    record.target_id.clone(),
                ]
            },
        )
    }
}

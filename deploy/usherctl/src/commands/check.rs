//! Asks whether a user may do something.

use std::process::ExitCode;

use contract::authorization::{CheckRequest, access_service_client::AccessServiceClient};

use crate::{Session, failure::Failure, names};

/// The flags.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  usherctl check ada@acme.example agents.view Apollo && echo may"
)]
pub struct Check {
    /// Whom: id, username or address
    user: String,
    /// What: resource.action
    permission: String,
    /// On which project, by name or id; else on the tenant
    project: Option<String>,
    /// Decide on a state at least as new as this revision
    #[arg(long, default_value = "")]
    at_least_revision: String,
}

impl Check {
    pub async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let project: Vec<String> = self.project.into_iter().collect();
        let ask = CheckRequest {
            user_id: names::user(session, &self.user).await?,
            permission: self.permission,
            project_id: names::projects(session, &project)
                .await?
                .pop()
                .unwrap_or_default(),
            at_least_revision: self.at_least_revision,
        };
        let mut client = AccessServiceClient::new(session.client.gateway());
        let reply = client.check(ask).await?.into_inner();
        let allowed = if reply.allowed { "yes" } else { "no" };
        session.print.one(
            &reply,
            &[
                ("Allowed", allowed.to_owned()),
                ("Revision", reply.revision.clone()),
            ],
        )?;
        Ok(if reply.allowed {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(1)
        })
    }
}

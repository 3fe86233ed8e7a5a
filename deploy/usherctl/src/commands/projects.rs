//! Projects of the tenant.

use contract::authorization::{
    CreateProjectRequest, ListProjectsRequest, Project,
    project_service_client::ProjectServiceClient,
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
pub enum Projects {
    /// Create projects
    #[command(after_help = "Example:\n  usherctl projects create Apollo Gemini Mercury")]
    Create {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// List projects, by name
    List {
        #[command(flatten)]
        limit: Limit,
    },
}

impl Projects {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = ProjectServiceClient::new(session.client.gateway());
        match self {
            Projects::Create { names } => {
                for name in names {
                    let ask = CreateProjectRequest {
                        name,
                        request_id: names::request_id(),
                    };
                    let reply = client.clone().create_project(ask).await?.into_inner();
                    let project = reply.project.clone().unwrap_or_default();
                    let fields = [
                        ("ID", project.id),
                        ("Name", project.name),
                        ("Revision", reply.revision.clone()),
                    ];
                    session.print.one(&reply, &fields)?;
                }
                Ok(())
            }
            Projects::List { limit } => {
                let ask = |page_size, page_token| {
                    let mut client = client.clone();
                    async move {
                        client
                            .list_projects(ListProjectsRequest {
                                page_size,
                                page_token,
                            })
                            .await
                    }
                };
                let listed = list(limit, ask, |page| {
                    (page.projects, page.next_page_token, page.total_size)
                })
                .await?;
                session
                    .print
                    .many(&listed, ["Name", "Created", "ID"], |project: &Project| {
                        [
                            project.name.clone(),
                            time(project.create_time.as_ref()),
                            project.id.clone(),
                        ]
                    })
            }
        }
    }
}

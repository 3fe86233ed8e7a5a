//! Roles of the tenant, and who holds them.

use contract::authorization::{
    CreateRoleBindingRequest, DeleteRoleBindingRequest, ListRoleBindingsRequest, RoleBinding,
    role_binding_service_client::RoleBindingServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, Listed, list},
    print::yes,
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Roles {
    /// List the roles of the tenant
    List,
    /// List who holds roles
    Bindings {
        /// Only this user's
        #[arg(long)]
        user: Option<String>,
        /// Only of this role
        #[arg(long)]
        role: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Give a user a role, on the tenant or on one project
    #[command(
        after_help = "Example:\n  usherctl roles grant ada@acme.example analyst --project Apollo"
    )]
    Grant {
        /// Whom
        user: String,
        /// The role, by name or id
        role: String,
        /// The project, by name or id
        #[arg(long)]
        project: Option<String>,
    },
    /// Take a role away, by the id of its binding
    Revoke {
        /// The id, as `roles bindings` shows it
        binding_id: String,
    },
}

impl Roles {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = RoleBindingServiceClient::new(session.client.gateway());
        match self {
            Roles::List => all(session).await,
            Roles::Bindings { user, role, limit } => bindings(session, user, role, limit).await,
            Roles::Grant {
                user,
                role,
                project,
            } => {
                let project: Vec<String> = project.into_iter().collect();
                let ask = CreateRoleBindingRequest {
                    user_id: names::user(session, &user).await?,
                    role_id: names::role(session, &role).await?,
                    project_id: names::projects(session, &project)
                        .await?
                        .pop()
                        .unwrap_or_default(),
                    request_id: names::request_id(),
                };
                let reply = client.create_role_binding(ask).await?.into_inner();
                let fields = [
                    ("Binding ID", reply.binding.clone().unwrap_or_default().id),
                    ("Revision", reply.revision.clone()),
                ];
                session.print.one(&reply, &fields)
            }
            Roles::Revoke { binding_id } => {
                let ask = DeleteRoleBindingRequest {
                    binding_id,
                    request_id: names::request_id(),
                };
                let reply = client.delete_role_binding(ask).await?.into_inner();
                session
                    .print
                    .one(&reply, &[("Revision", reply.revision.clone())])
            }
        }
    }
}

async fn all(session: &Session) -> Result<(), Failure> {
    let entries = names::all_roles(session).await?;
    let listed = Listed {
        total: entries.len() as u64,
        entries,
    };
    session.print.many(
        &listed,
        [
            "Name",
            "Display name",
            "Licensed",
            "Default",
            "Permissions",
            "ID",
        ],
        |role| {
            [
                role.name.clone(),
                role.display_name.clone(),
                yes(role.licensed),
                yes(role.default),
                role.permissions.join(" "),
                role.id.clone(),
            ]
        },
    )
}

async fn bindings(
    session: &Session,
    user: Option<String>,
    role: Option<String>,
    limit: Limit,
) -> Result<(), Failure> {
    let mut only = ListRoleBindingsRequest::default();
    if let Some(user) = user {
        only.user_id = names::user(session, &user).await?;
    }
    if let Some(role) = role {
        only.role_id = names::role(session, &role).await?;
    }
    let roles = names::all_roles(session).await?;
    let client = RoleBindingServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListRoleBindingsRequest {
            page_size,
            page_token,
            ..only.clone()
        };
        async move { client.list_role_bindings(ask).await }
    };
    let listed = list(limit, ask, |page| {
        (page.bindings, page.next_page_token, page.total_size)
    })
    .await?;
    let header = [
        "User ID",
        "Role",
        "Project ID",
        "Pending",
        "Suspended",
        "ID",
    ];
    session
        .print
        .many(&listed, header, |binding: &RoleBinding| {
            let role = roles
                .iter()
                .find(|role| role.id == binding.role_id)
                .map_or(&binding.role_id, |role| &role.name);
            [
                binding.user_id.clone(),
                role.clone(),
                binding.project_id.clone(),
                yes(binding.pending),
                yes(binding.suspended),
                binding.id.clone(),
            ]
        })
}

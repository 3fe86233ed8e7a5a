//! Machines that call by themselves.

use contract::identity::{
    CreateServiceAccountRequest, DeleteServiceAccountRequest, DisableServiceAccountRequest,
    EnableServiceAccountRequest, GetServiceAccountRequest, ServiceAccount,
    UpdateServiceAccountRequest, service_account_service_client::ServiceAccountServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names::{self, request_id},
    pages::Limit,
    print::{time, yes},
};

/// What to do. A service account is named by id or name.
#[derive(clap::Subcommand)]
pub enum ServiceAccounts {
    /// List service accounts, by name
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Show a service account
    Show {
        /// Which
        account: String,
    },
    /// Create a service account; give it roles by its id with `roles grant`
    #[command(
        after_help = "Example:\n  usherctl service-accounts create nightly-export --description 'Reads users every night'"
    )]
    Create {
        /// The name
        name: String,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Change the name or the description
    Update {
        /// Which
        account: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
    },
    /// Disable a service account: none of its keys works
    Disable {
        /// Which
        account: String,
    },
    /// Enable a service account again
    Enable {
        /// Which
        account: String,
    },
    /// Delete a service account and its keys, for good
    Delete {
        /// Which
        account: String,
    },
}

impl ServiceAccounts {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = ServiceAccountServiceClient::new(session.client.gateway());
        let account = match self {
            ServiceAccounts::List { limit } => return list(session, limit).await,
            ServiceAccounts::Show { account } => {
                let ask = GetServiceAccountRequest {
                    service_account_id: names::service_account(session, &account).await?,
                };
                let reply = client.get_service_account(ask).await?;
                reply.into_inner().service_account
            }
            ServiceAccounts::Create { name, description } => {
                let ask = CreateServiceAccountRequest {
                    name,
                    description,
                    request_id: request_id(),
                };
                let reply = client.create_service_account(ask).await?;
                reply.into_inner().service_account
            }
            ServiceAccounts::Update {
                account,
                name,
                description,
            } => {
                let ask = UpdateServiceAccountRequest {
                    service_account_id: names::service_account(session, &account).await?,
                    name,
                    description,
                    etag: String::new(),
                    request_id: request_id(),
                };
                let reply = client.update_service_account(ask).await?;
                reply.into_inner().service_account
            }
            ServiceAccounts::Disable { account } => {
                let ask = DisableServiceAccountRequest {
                    service_account_id: names::service_account(session, &account).await?,
                    request_id: request_id(),
                };
                let reply = client.disable_service_account(ask).await?;
                reply.into_inner().service_account
            }
            ServiceAccounts::Enable { account } => {
                let ask = EnableServiceAccountRequest {
                    service_account_id: names::service_account(session, &account).await?,
                    request_id: request_id(),
                };
                let reply = client.enable_service_account(ask).await?;
                reply.into_inner().service_account
            }
            ServiceAccounts::Delete { account } => {
                let ask = DeleteServiceAccountRequest {
                    service_account_id: names::service_account(session, &account).await?,
                    request_id: request_id(),
                };
                client.delete_service_account(ask).await?;
                session.print.say("done");
                return Ok(());
            }
        };
        show(session, &account.unwrap_or_default())
    }
}

async fn list(session: &Session, limit: Limit) -> Result<(), Failure> {
    let listed = names::all_service_accounts(session, limit).await?;
    let header = ["Name", "Description", "Disabled", "Last used", "ID"];
    session
        .print
        .many(&listed, header, |account: &ServiceAccount| {
            [
                account.name.clone(),
                account.description.clone(),
                yes(account.disabled),
                time(account.last_use_time.as_ref()),
                account.id.clone(),
            ]
        })
}

fn show(session: &Session, account: &ServiceAccount) -> Result<(), Failure> {
    let fields = [
        ("ID", account.id.clone()),
        ("Name", account.name.clone()),
        ("Description", account.description.clone()),
        ("Disabled", yes(account.disabled)),
        ("Last used", time(account.last_use_time.as_ref())),
        ("Created", time(account.create_time.as_ref())),
    ];
    session.print.one(account, &fields)
}

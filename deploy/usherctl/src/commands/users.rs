//! Users of the tenant.

mod bulk;
mod create;
mod erasures;
mod list;
mod show;
pub mod update;

use contract::identity::{
    DeleteUserRequest, DisableUserRequest, EnableUserRequest, GetUserRequest, LockUserRequest,
    ResendPasswordRequest, SendPasswordResetRequest, UnlockUserRequest,
    password_service_client::PasswordServiceClient, user_service_client::UserServiceClient,
};

use self::{create::Create, show::show};
use crate::{Session, confirm, failure::Failure, names, pages::Limit};

/// What to do. A user is named by id, username or address.
#[derive(clap::Subcommand)]
pub enum Users {
    /// List users
    #[command(
        after_help = "Examples:\n  usherctl users list --query acme.example --status invited --all\n  usherctl users list --role analyst --order last-login --descending"
    )]
    List(Box<list::List>),
    /// Show a user; oneself where none is named
    Show {
        /// Whom
        user: Option<String>,
    },
    /// Create a user with a first password; see `invitations create` for people
    /// who choose their own
    Create(Create),
    /// Mail users a link for setting another password
    #[command(after_help = "Example:\n  usherctl users reset-password ada@acme.example")]
    ResetPassword {
        /// Whom
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Mail a user a fresh temporary password, in place of the one before
    #[command(
        after_help = "Example:\n  usherctl users resend-password ada@acme.example --copy-to helpdesk@acme.example"
    )]
    ResendPassword {
        /// Whom
        user: String,
        /// Who gets a copy of the mail
        #[arg(long, default_value = "")]
        copy_to: String,
    },
    /// Change a user; what is not named stays, and what is empty is taken away
    #[command(
        after_help = "Example:\n  usherctl users update ada@acme.example --phone +4930901820 --time-zone Europe/Berlin --property shirt_size=M"
    )]
    Update(update::Update),
    /// Disable users: their sessions end at once
    Disable {
        /// Whom
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Enable users again
    Enable {
        /// Whom
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Lock accounts until they are unlocked: no login, and their sessions end at
    /// once
    #[command(after_help = "Example:\n  usherctl users lock ada@acme.example")]
    Lock {
        /// Whom
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Let users in again who were locked, or locked out
    Unlock {
        /// Whom
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Delete users and all that is tied to them, for good
    Delete {
        /// Whom
        #[arg(required = true)]
        users: Vec<String>,
        /// Do not ask first
        #[arg(long, short)]
        yes: bool,
    },
    /// Do one thing to many users, in the background
    #[command(subcommand)]
    Bulk(bulk::Bulk),
    /// List deleted users, and the services that still hold something of them
    #[command(after_help = "Example:\n  usherctl users erasures --pending")]
    Erasures {
        /// Only those of whom something is left
        #[arg(long)]
        pending: bool,
        #[command(flatten)]
        limit: Limit,
    },
}

/// What is done to a user.
#[derive(Clone, Copy)]
enum Change {
    Disable,
    Enable,
    Lock,
    Unlock,
    Delete,
    ResetPassword,
}

impl Users {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Users::List(list) => list.run(session).await,
            Users::Show { user } => {
                let user_id = match user {
                    Some(user) => names::user(session, &user).await?,
                    None => String::new(),
                };
                let mut client = UserServiceClient::new(session.client.gateway());
                let reply = client
                    .get_user(GetUserRequest { user_id })
                    .await?
                    .into_inner();
                show(session, &reply.user.unwrap_or_default())
            }
            Users::Create(create) => create.run(session).await,
            Users::ResetPassword { users } => change(session, users, Change::ResetPassword).await,
            Users::ResendPassword { user, copy_to } => {
                let ask = ResendPasswordRequest {
                    user_id: names::user(session, &user).await?,
                    copy_email: copy_to,
                    request_id: names::request_id(),
                };
                let mut client = PasswordServiceClient::new(session.client.gateway());
                client.resend_password(ask).await?;
                session.print.say("done: the mail is on its way");
                Ok(())
            }
            Users::Update(update) => show(session, &update.run(session).await?),
            Users::Disable { users } => change(session, users, Change::Disable).await,
            Users::Enable { users } => change(session, users, Change::Enable).await,
            Users::Lock { users } => change(session, users, Change::Lock).await,
            Users::Unlock { users } => change(session, users, Change::Unlock).await,
            Users::Delete { users, yes } => {
                confirm::ask(yes, &format!("delete {}", users.join(", ")))?;
                change(session, users, Change::Delete).await
            }
            Users::Bulk(bulk) => bulk.run(session).await,
            Users::Erasures { pending, limit } => erasures::run(session, pending, limit).await,
        }
    }
}

async fn change(session: &Session, users: Vec<String>, change: Change) -> Result<(), Failure> {
    let mut client = UserServiceClient::new(session.client.gateway());
    for name in users {
        let (user_id, request_id) = (names::user(session, &name).await?, names::request_id());
        match change {
            Change::Disable => drop(
                client
                    .disable_user(DisableUserRequest {
                        user_id,
                        request_id,
                    })
                    .await?,
            ),
            Change::Enable => drop(
                client
                    .enable_user(EnableUserRequest {
                        user_id,
                        request_id,
                    })
                    .await?,
            ),
            Change::Lock => drop(
                client
                    .lock_user(LockUserRequest {
                        user_id,
                        request_id,
                    })
                    .await?,
            ),
            Change::Unlock => drop(
                client
                    .unlock_user(UnlockUserRequest {
                        user_id,
                        request_id,
                    })
                    .await?,
            ),
            Change::ResetPassword => drop(
                PasswordServiceClient::new(session.client.gateway())
                    .send_password_reset(SendPasswordResetRequest {
                        user_id,
                        request_id,
                    })
                    .await?,
            ),
            Change::Delete => drop(
                client
                    .delete_user(DeleteUserRequest {
                        user_id,
                        request_id,
                    })
                    .await?,
            ),
        }
        session.print.say(&format!("done: {name}"));
    }
    Ok(())
}

//! Sessions of a user.

use contract::identity::{
    ListSessionsRequest, RevokeAllSessionsRequest, RevokeSessionRequest, Session as Login,
    session_service_client::SessionServiceClient,
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
pub enum Sessions {
    /// List the sessions of a user; one's own where none is named
    #[command(after_help = "Example:\n  usherctl sessions list ada@acme.example --all")]
    List {
        /// Whose
        user: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// End a session
    #[command(
        after_help = "Example:\n  usherctl sessions revoke 0198f3c2-… --user ada@acme.example"
    )]
    Revoke {
        /// The id of the session
        session_id: String,
        /// Whose it is, where it is not one's own
        #[arg(long)]
        user: Option<String>,
    },
    /// End all sessions of a user; one's own where none is named
    #[command(
        after_help = "Examples:\n  usherctl sessions revoke-all --keep-current\n  usherctl sessions revoke-all ada@acme.example"
    )]
    RevokeAll {
        /// Whose
        user: Option<String>,
        /// Keep the session of this command
        #[arg(long)]
        keep_current: bool,
    },
}

impl Sessions {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let client = SessionServiceClient::new(session.client.gateway());
        match self {
            Sessions::List { user, limit } => {
                let user_id = of(session, user).await?;
                let ask = |page_size, page_token| {
                    let mut client = client.clone();
                    let ask = ListSessionsRequest {
                        user_id: user_id.clone(),
                        page_size,
                        page_token,
                    };
                    async move { client.list_sessions(ask).await }
                };
                let listed = list(limit, ask, |page| {
                    (page.sessions, page.next_page_token, page.total_size)
                })
                .await?;
                let header = [
                    "Since",
                    "Last used",
                    "Ends",
                    "Level",
                    "Address",
                    "Program",
                    "ID",
                ];
                session.print.many(&listed, header, |login: &Login| {
                    [
                        time(login.create_time.as_ref()),
                        time(login.last_use_time.as_ref()),
                        time(login.expire_time.as_ref()),
                        login.assurance_level.to_string(),
                        login.address.clone(),
                        login.user_agent.clone(),
                        login.id.clone(),
                    ]
                })
            }
            Sessions::Revoke { session_id, user } => {
                let ask = RevokeSessionRequest {
                    user_id: of(session, user).await?,
                    session_id,
                    ..Default::default()
                };
                client.clone().revoke_session(ask).await?;
                session.print.say("done");
                Ok(())
            }
            Sessions::RevokeAll { user, keep_current } => {
                let ask = RevokeAllSessionsRequest {
                    user_id: of(session, user).await?,
                    keep_current,
                    request_id: names::request_id(),
                };
                let reply = client.clone().revoke_all_sessions(ask).await?.into_inner();
                let count = reply.revoked_count.to_string();
                session.print.one(&reply, &[("Ended", count)])
            }
        }
    }
}

async fn of(session: &Session, user: Option<String>) -> Result<String, Failure> {
    match user {
        Some(user) => names::user(session, &user).await,
        None => Ok(String::new()),
    }
}

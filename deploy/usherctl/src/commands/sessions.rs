//! Sessions of a user.

use contract::identity::{
    ListSessionsRequest, RevokeSessionRequest, Session as Login,
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
    List {
        /// Whose
        user: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// End a session
    Revoke {
        /// The id of the session
        session_id: String,
        /// Whose it is, where it is not one's own
        #[arg(long)]
        user: Option<String>,
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
                let header = ["Since", "Last used", "Ends", "Level", "Address", "ID"];
                session.print.many(&listed, header, |login: &Login| {
                    [
                        time(login.create_time.as_ref()),
                        time(login.last_use_time.as_ref()),
                        time(login.expire_time.as_ref()),
                        login.assurance_level.to_string(),
                        login.address.clone(),
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
        }
    }
}

async fn of(session: &Session, user: Option<String>) -> Result<String, Failure> {
    match user {
        Some(user) => names::user(session, &user).await,
        None => Ok(String::new()),
    }
}

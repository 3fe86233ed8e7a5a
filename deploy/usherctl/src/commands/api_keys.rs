//! Keys of service accounts.

use contract::identity::{
    ApiKey, CreateApiKeyRequest, CreateApiKeyResponse, ListApiKeysRequest, RevokeApiKeyRequest,
    RotateApiKeyRequest, service_account_service_client::ServiceAccountServiceClient,
};
use prost_types::Duration;

use crate::{
    Session,
    failure::Failure,
    names::{self, request_id},
    pages::{Limit, list},
    print::time,
};

/// What to do. A service account is named by id or name.
#[derive(clap::Subcommand)]
pub enum ApiKeys {
    /// List the keys of a service account, newest first
    List {
        /// Whose
        account: String,
        #[command(flatten)]
        limit: Limit,
    },
    /// Make a key; it is shown only now
    #[command(
        after_help = "Example:\n  USHER_TOKEN=$(usherctl api-keys create nightly-export cron --lifetime 90d --output json | jq -r .key) \\\n    usherctl users list"
    )]
    Create {
        /// Whose
        account: String,
        /// What it is for
        display_name: String,
        /// How long it works, such as 90d [default: until it is revoked]
        #[arg(long, value_parser = span)]
        lifetime: Option<Duration>,
    },
    /// Make a key in the place of another; it is shown only now
    #[command(after_help = "Example:\n  usherctl api-keys rotate 0198f3c2-… --overlap 1d")]
    Rotate {
        /// The id of the old key
        api_key_id: String,
        /// How long the old key goes on working, such as 1d [default: not at all]
        #[arg(long, value_parser = span)]
        overlap: Option<Duration>,
    },
    /// End a key at once
    Revoke {
        /// The id of the key
        api_key_id: String,
    },
}

fn span(text: &str) -> Result<Duration, String> {
    let seconds = super::policy::seconds(text).ok_or("not a duration such as 30m, 8h or 90d")?;
    Ok(Duration { seconds, nanos: 0 })
}

impl ApiKeys {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = ServiceAccountServiceClient::new(session.client.gateway());
        match self {
            ApiKeys::List { account, limit } => show_all(session, &account, limit).await,
            ApiKeys::Create {
                account,
                display_name,
                lifetime,
            } => {
                let ask = CreateApiKeyRequest {
                    service_account_id: names::service_account(session, &account).await?,
                    display_name,
                    lifetime,
                    request_id: request_id(),
                };
                let made = client.create_api_key(ask).await?.into_inner();
                show(session, &made)
            }
            ApiKeys::Rotate {
                api_key_id,
                overlap,
            } => {
                let ask = RotateApiKeyRequest {
                    api_key_id,
                    overlap,
                    request_id: request_id(),
                };
                let made = client.rotate_api_key(ask).await?.into_inner();
                show(
                    session,
                    &CreateApiKeyResponse {
                        key: made.key,
                        api_key: made.api_key,
                    },
                )
            }
            ApiKeys::Revoke { api_key_id } => {
                let ask = RevokeApiKeyRequest {
                    api_key_id,
                    request_id: request_id(),
                };
                client.revoke_api_key(ask).await?;
                session.print.say("done");
                Ok(())
            }
        }
    }
}

async fn show_all(session: &Session, account: &str, limit: Limit) -> Result<(), Failure> {
    let client = ServiceAccountServiceClient::new(session.client.gateway());
    let id = names::service_account(session, account).await?;
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListApiKeysRequest {
            service_account_id: id.clone(),
            page_size,
            page_token,
        };
        async move { client.list_api_keys(ask).await }
    };
    let listed = list(limit, ask, |page| {
        (page.api_keys, page.next_page_token, page.total_size)
    })
    .await?;
    let header = ["For", "Begins with", "Created", "Ends", "Last used", "ID"];
    session.print.many(&listed, header, |key: &ApiKey| {
        [
            key.display_name.clone(),
            key.prefix.clone(),
            time(key.create_time.as_ref()),
            time(key.expire_time.as_ref()),
            time(key.last_use_time.as_ref()),
            key.id.clone(),
        ]
    })
}

fn show(session: &Session, made: &CreateApiKeyResponse) -> Result<(), Failure> {
    let kept = made.api_key.clone().unwrap_or_default();
    let fields = [
        ("Key", made.key.clone()),
        ("For", kept.display_name),
        ("Ends", time(kept.expire_time.as_ref())),
        ("ID", kept.id),
    ];
    session.print.one(made, &fields)
}

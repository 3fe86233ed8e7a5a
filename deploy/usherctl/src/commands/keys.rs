//! Keys of the installation.

use contract::identity::{
    GetKeySetRequest, RotateSigningKeysRequest, token_service_client::TokenServiceClient,
};

use crate::{Session, failure::Failure, names, print::time};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Keys {
    /// List the public keys that verify tokens
    List,
    /// Make a new key for signing tokens; it signs two minutes later
    #[command(after_help = "Example:\n  usherctl keys rotate --output json")]
    Rotate,
}

impl Keys {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = TokenServiceClient::new(session.client.gateway());
        match self {
            Keys::List => {
                let reply = client.get_key_set(GetKeySetRequest {}).await?.into_inner();
                let rows = reply.keys.into_iter();
                session.print.rows(
                    ["Kid", "Kty", "Crv", "X", "Alg", "Use"],
                    rows.map(|key| [key.kid, key.kty, key.crv, key.x, key.alg, key.r#use])
                        .collect(),
                )
            }
            Keys::Rotate => {
                let ask = RotateSigningKeysRequest {
                    request_id: names::request_id(),
                };
                let reply = client.rotate_signing_keys(ask).await?.into_inner();
                let fields = [
                    ("Key", reply.kid.clone()),
                    ("Signs from", time(reply.sign_time.as_ref())),
                ];
                session.print.one(&reply, &fields)
            }
        }
    }
}

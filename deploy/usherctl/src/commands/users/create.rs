//! Creates a user, with a first password in one of four ways.

use contract::identity::{
    CreateUserRequest, FirstPassword, user_service_client::UserServiceClient,
};

use super::{show, update};
use crate::{Session, failure::Failure, names, password};

const AFTER: &str = "\
The first password, in one of four ways:
  the default                 you specify it, and tell the user yourself
  --send                      you specify it; it is mailed, and must be changed
  --generate                  it is generated and mailed, and must be changed
  --password-hash HASH        another system hashed it; the user goes on with it

Examples:
  usherctl users create ada@acme.example --first-name Ada --last-name Lovelace --generate
  usherctl invitations create ada@acme.example    (Ada chooses her own)";

/// The flags.
#[derive(clap::Args)]
#[command(after_help = AFTER)]
pub struct Create {
    /// The address, also the username
    email: String,
    /// The first name
    #[arg(long)]
    first_name: String,
    /// The last name
    #[arg(long)]
    last_name: String,
    /// The name for logging in, where it is not the address
    #[arg(long, default_value = "")]
    username: String,
    /// The password; asked for, or read from stdin, where it is not given
    #[arg(long, env = "USHER_NEW_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Mail the password to the user
    #[arg(long, conflicts_with_all = ["generate", "password_hash"])]
    send: bool,
    /// Generate a password and mail it to the user
    #[arg(long, conflicts_with = "password_hash")]
    generate: bool,
    /// The hash that another system keeps: a PHC string or one of bcrypt
    #[arg(long, value_name = "HASH")]
    password_hash: Option<String>,
    #[command(flatten)]
    details: update::Details,
}

impl Create {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let first_password = match (&self.password_hash, self.generate, self.send) {
            (Some(_), ..) => FirstPassword::Hashed,
            (None, true, _) => FirstPassword::GeneratedAndSent,
            (None, false, true) => FirstPassword::SpecifiedAndSent,
            (None, false, false) => FirstPassword::Specified,
        };
        let password = match first_password {
            FirstPassword::Hashed | FirstPassword::GeneratedAndSent => String::new(),
            _ => self
                .password
                .map_or_else(|| password::ask("Password of the user"), Ok)?,
        };
        let (fields, _) = self.details.read(session).await?;
        let ask = CreateUserRequest {
            first_name: self.first_name,
            last_name: self.last_name,
            email: self.email,
            username: self.username,
            password,
            language: fields.language,
            phone: fields.phone,
            time_zone: fields.time_zone,
            avatar_uri: fields.avatar_uri,
            active_directory_id: fields.active_directory_id,
            classification_level_id: fields.classification_level_id,
            properties: fields.properties,
            first_password: first_password.into(),
            password_hash: self.password_hash.unwrap_or_default(),
            request_id: names::request_id(),
        };
        let mut client = UserServiceClient::new(session.client.gateway());
        let reply = client.create_user(ask).await?.into_inner();
        show::show(session, &reply.user.unwrap_or_default())
    }
}

//! Brings the schemas in Postgres to the state of this release.

use std::time::Instant;

use authorization::Authorization;
use boot::Service;
use identity::Identity;
use importer::Importer;
use invitation::Invitation;

use crate::{Session, failure::Failure};

const AFTER: &str = "\
Example:
  usherctl migrate --postgres postgres://admin@db.example/usher --role-password \"$PASSWORD\"

Safe to repeat, and to run many times at once.";

/// The flags.
#[derive(clap::Args)]
#[command(after_help = AFTER)]
pub struct Migrate {
    /// Postgres, as a role that may create roles and schemas
    #[arg(
        long,
        env = "USHER_MIGRATE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    postgres: String,
    /// The password that the roles of the services get: one for all, or
    /// SERVICE=PASSWORD for each. None: they log in by what
    /// Postgres allows without one
    #[arg(
        long,
        env = "USHER_ROLE_PASSWORD",
        hide_env_values = true,
        value_delimiter = ','
    )]
    role_password: Vec<String>,
}

impl Migrate {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let rows = vec![
            self.one::<Identity>().await?,
            self.one::<Authorization>().await?,
            self.one::<Invitation>().await?,
            self.one::<Importer>().await?,
        ];
        session
            .print
            .rows(["Service", "Migrations", "Seconds"], rows)
    }

    async fn one<S: Service>(&self) -> Result<[String; 3], Failure> {
        let began = Instant::now();
        let migrator = S::migrations();
        store::migrate(&self.postgres, S::NAME, migrator, self.password(S::NAME))
            .await
            .map_err(|error| Failure::Fault(format!("migrating {}: {error}", S::NAME)))?;
        let seconds = format!("{:.2}", began.elapsed().as_secs_f64());
        Ok([
            S::NAME.to_owned(),
            migrator.iter().count().to_string(),
            seconds,
        ])
    }

    fn password(&self, service: &str) -> Option<&str> {
        let own = |given: &'_ String| {
            given
                .strip_prefix(service)
                .is_some_and(|rest| rest.starts_with('='))
        };
        match self.role_password.iter().find(|given| own(given)) {
            Some(given) => given.get(service.len() + 1..),
            None => self
                .role_password
                .first()
                .map(String::as_str)
                .filter(|_| self.role_password.len() == 1),
        }
    }
}

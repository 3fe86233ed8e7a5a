//! The suite as a process of its own, with everything around it.

use std::path::PathBuf;

use crate::{
    Mails, Member, password,
    process::{Process, suite_flags},
    suite,
};
use contract::authorization::RoleSet;
use contract::identity::{
    CreateTenantRequest, MfaPolicy, tenant_service_client::TenantServiceClient,
};
use mailbox::Mailbox;
use testkit::{Client, Database};

/// A suite that can be killed.
pub struct World {
    /// Its database.
    pub database: Database,
    /// Its mail catcher.
    pub mailbox: Mailbox,
    /// The process.
    pub process: Process,
    /// The first operator.
    pub operator: Member,
    /// Their password.
    pub operator_password: String,
    /// What the process prints.
    pub log: PathBuf,
}

impl World {
    /// Starts `usher-suite` with more flags and bootstraps it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(redis: &str, flags: &[&str]) -> Self {
        let database = Database::fresh().await;
        let mailbox = Mailbox::start_on_loopback().expect("a mail catcher");
        let log =
            std::env::temp_dir().join(format!("usher-world-{}.log", uuid::Uuid::new_v4().simple()));
        let mut all = suite_flags(&database, redis, &mailbox.smtp_url());
        all.extend(flags.iter().map(|&flag| flag.to_owned()));
        let process = Process::start("usher-suite", &all, &log).expect("a suite");
        process.ready().await;
        let anyone = Client::new(process.channel());
        let operator_password = password();
        let operator = suite::bootstrap(&anyone, &operator_password)
            .await
            .expect("an operator");
        Self {
            database,
            mailbox,
            process,
            operator,
            operator_password,
            log,
        }
    }

    /// Somebody without a credential.
    #[must_use]
    pub fn anyone(&self) -> Client {
        Client::new(self.process.channel())
    }

    /// The mails caught so far.
    #[must_use]
    pub fn mails(&self) -> Mails {
        Mails::at(self.mailbox.http_url())
    }

    /// A tenant with the standard roles; answers the operator acting in it.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn tenant(&self, name: &str) -> Client {
        let ask = CreateTenantRequest {
            name: name.into(),
            display_name: name.into(),
            role_set: RoleSet::Standard.into(),
            mfa_policy: MfaPolicy::Optional.into(),
            ..Default::default()
        };
        TenantServiceClient::new(self.operator.client.clone())
            .create_tenant(ask)
            .await
            .expect("a tenant");
        self.operator.client.in_tenant(name)
    }

    /// Kills the process and removes what it left.
    ///
    /// # Panics
    /// When something is gone already.
    pub async fn end(mut self) {
        self.process.kill().expect("the end");
        std::fs::remove_file(&self.log).expect("the log");
        self.database.drop().await;
    }
}

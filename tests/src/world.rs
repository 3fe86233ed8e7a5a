//! The suite in processes of its own, with everything around it.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    Mails, Member,
    demo::Setting,
    fleet::{Fleet, Ground, Own},
    password,
    process::{Process, suite_flags},
    suite::{self, OPERATOR},
};
use contract::authorization::RoleSet;
use contract::identity::{
    CreateTenantRequest, MfaPolicy, tenant_service_client::TenantServiceClient,
};
use mailbox::Mailbox;
use sqlx::AssertSqlSafe;
use testkit::{Client, Database};

/// Until when a killed process would keep others from its work, by service.
const LEASES: [(&str, &str); 3] = [
    ("identity.bulk_operations", "lease_end_time"),
    ("importer.imports", "lease_end_time"),
    ("invitation.invitations", "lease_time"),
];

/// A suite that can be killed.
pub struct World {
    /// Its database.
    pub database: Database,
    /// Its mail catcher.
    pub mailbox: Mailbox,
    /// The process that callers see: the whole suite, or the gateway.
    pub process: Process,
    /// The others, by the name of their service; none where all is in one.
    pub services: BTreeMap<&'static str, Process>,
    /// The first operator.
    pub operator: Member,
    /// Their password.
    pub operator_password: String,
    /// What the processes print.
    pub logs: Vec<PathBuf>,
}

impl World {
    /// Starts `usher-suite` with more flags and bootstraps it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(redis: &str, flags: &[&str]) -> Self {
        let database = Database::fresh().await;
        let mailbox = Mailbox::start_on_loopback().expect("a mail catcher");
        let log = log().with_extension("log");
        let mut all = suite_flags(&database, redis, &mailbox.smtp_url());
        all.extend(flags.iter().map(|&flag| flag.to_owned()));
        let process = Process::start("usher-suite", &all, &log).expect("a suite");
        let fleet = Fleet {
            gateway: process,
            services: BTreeMap::new(),
            logs: vec![log],
        };
        Self::bootstrapped(database, mailbox, fleet).await
    }

    /// The same with a process for each service, all with these flags, and some
    /// with more of their own.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn separate(redis_url: &str, flags: &[&str], own: &[Own<'_>]) -> Self {
        let database = Database::fresh().await;
        let mailbox = Mailbox::start_on_loopback().expect("a mail catcher");
        let ground = Ground {
            database: &database,
            redis_url,
            smtp_url: &mailbox.smtp_url(),
            logs: log(),
        };
        let fleet = Fleet::start(&ground, flags, own).expect("a fleet");
        Self::bootstrapped(database, mailbox, fleet).await
    }

    async fn bootstrapped(database: Database, mailbox: Mailbox, fleet: Fleet) -> Self {
        let process = fleet.gateway;
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
            services: fleet.services,
            operator,
            operator_password,
            logs: fleet.logs,
        }
    }

    /// The process of a service, or the one that callers see.
    pub fn server(&mut self, name: &str) -> &mut Process {
        self.services.get_mut(name).unwrap_or(&mut self.process)
    }

    /// What the demo needs to run against it.
    #[must_use]
    pub fn setting(&self) -> Setting {
        Setting {
            gateway: self.process.channel(),
            mails: self.mails(),
            operator: OPERATOR.into(),
            password: self.operator_password.clone(),
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

    /// Lets the leases of a killed service run out at once: nobody is left whose
    /// work they protect. All of them where the suite is one process.
    ///
    /// # Panics
    /// When Postgres is gone.
    pub async fn end_leases(&self, service: &str) {
        let mut database = self.database.connect().await;
        let of = |table: &str| service == "suite" || table.starts_with(service);
        for (table, end) in LEASES.into_iter().filter(|(table, _)| of(table)) {
            let sql = format!("UPDATE {table} SET {end} = now() WHERE {end} > now()");
            sqlx::query(AssertSqlSafe(sql))
                .execute(&mut database)
                .await
                .expect("no leases");
        }
    }

    /// Kills the processes and removes what they left.
    ///
    /// # Panics
    /// When something is gone already.
    pub async fn end(mut self) {
        self.process.kill().expect("the end");
        drop(self.services);
        for log in self.logs {
            std::fs::remove_file(log).expect("the log");
        }
        self.database.drop().await;
    }
}

/// The beginning of the path of a log.
fn log() -> PathBuf {
    std::env::temp_dir().join(format!("usher-world-{}", uuid::Uuid::new_v4().simple()))
}

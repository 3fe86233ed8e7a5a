//! The suite in one process, on a fresh database, with a first operator.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use contract::authorization::RoleSet;
use contract::identity::{
    BootstrapRequest, CreateTenantRequest, MfaPolicy, RefreshTokensRequest,
    tenant_service_client::TenantServiceClient, token_service_client::TokenServiceClient,
};
use mailbox::Mailbox;
use sqlx::AssertSqlSafe;
use testkit::{Client, Database, eventually, refusal};

use crate::{Company, Mails, Member, company::roles, demo, password, sign_in};

const SCHEMAS: [&str; 4] = ["identity", "authorization", "invitation", "importer"];
/// What the suite is configured to be bootstrapped with.
pub const BOOTSTRAP_TOKEN: &str = "a bootstrap token for tests";
/// The root of all keys, known to everybody who reads this.
pub const SECRET: &str = "dGhpcnR5LXR3byBieXRlcyBmb3IgdGVzdHMgb25seSE=";
/// The first operator of the platform.
pub const OPERATOR: &str = "operator@platform.example";

/// Flags for tests that try to log in more often than people do.
pub const MANY_ATTEMPTS: [&str; 4] = [
    "--attempts-per-minute",
    "1000000",
    "--attempts-burst",
    "1000000",
];
/// Flags for tests in which one caller calls more often than allowed.
pub const MANY_CALLS: [&str; 4] = ["--rate-per-second", "1000000", "--rate-burst", "1000000"];

/// The suite, running.
pub struct Suite {
    database: Database,
    mailbox: Arc<Mailbox>,
    config: suite::Config,
    running: suite::Running,
    time: store::ClockHandle,
    operator: Member,
    operator_password: String,
}

impl Suite {
    /// Starts everything and bootstraps the installation.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more flags of `usher-suite`, or others instead of its own.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(flags: &[&str]) -> Self {
        Self::try_start(flags)
            .await
            .unwrap_or_else(|error| panic!("the suite does not start: {error:#}"))
    }

    async fn try_start(flags: &[&str]) -> Result<Self> {
        let database = Database::fresh().await;
        let mailbox = Arc::new(Mailbox::start_on_loopback()?);
        let (clock, time) = store::Clock::moved();
        let config = config(&database, &mailbox, flags)?;
        let running = run(config.clone(), clock).await?;
        let anyone = Client::new(running.gateway.clone());
        let operator_password = password();
        let operator = bootstrap(&anyone, &operator_password).await?;
        Ok(Self {
            database,
            mailbox,
            config,
            running,
            time,
            operator,
            operator_password,
        })
    }

    /// Somebody without a credential.
    #[must_use]
    pub fn anyone(&self) -> Client {
        Client::new(self.running.gateway.clone())
    }

    /// A second one of everything on the same servers, with a clock of its own.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn replica(&self) -> Replica {
        Self::another(self.config.clone())
            .await
            .unwrap_or_else(|error| panic!("no replica: {error:#}"))
    }

    /// The same with more flags of `usher-suite`, or others instead of its own.
    pub async fn replica_with(&self, flags: &[&str]) -> Result<Replica> {
        Self::another(config(&self.database, &self.mailbox, flags)?).await
    }

    async fn another(config: suite::Config) -> Result<Replica> {
        let (clock, time) = store::Clock::moved();
        let running = run(config, clock).await?;
        Ok(Replica { running, time })
    }

    /// Lets days pass, and waits until the services have the keys of then: those of
    /// before are over, and new ones are made and fetched within a moment.
    pub async fn later(&self, by: Duration) {
        self.time().advance(by);
        eventually("calls at the new time", || async {
            let ask = RefreshTokensRequest {
                refresh_token: "none".into(),
            };
            let mut tokens = TokenServiceClient::new(self.anyone());
            let refused = tokens.refresh_tokens(ask).await;
            refused.is_err_and(|status| refusal(&status).reason == "REFRESH_TOKEN_ENDED")
        })
        .await;
    }

    /// Moves the time of the suite; see `store::Clock`.
    #[must_use]
    pub fn time(&self) -> &store::ClockHandle {
        &self.time
    }

    /// The first operator.
    #[must_use]
    pub fn operator(&self) -> &Member {
        &self.operator
    }

    /// The mail catcher.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// The database, for looking at what no RPC shows.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What the demo runs against.
    #[must_use]
    pub fn setting(&self) -> demo::Setting {
        demo::Setting {
            gateway: self.running.gateway.clone(),
            mails: self.mails(),
            operator: OPERATOR.into(),
            password: self.operator_password.clone(),
        }
    }

    /// The mails caught so far.
    #[must_use]
    pub fn mails(&self) -> Mails {
        Mails::at(self.mailbox.http_url())
    }

    /// A tenant with the standard roles, optional MFA and one admin.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn company(&self, name: &str) -> Company {
        self.company_with(name, RoleSet::Standard, MfaPolicy::Optional)
            .await
    }

    /// The same with other roles or another policy; the first admin has the
    /// first of the roles that may give roles.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn company_with(
        &self,
        name: &str,
        role_set: RoleSet,
        mfa_policy: MfaPolicy,
    ) -> Company {
        let ask = CreateTenantRequest {
            name: name.into(),
            display_name: format!("The {name} company"),
            role_set: role_set.into(),
            mfa_policy: mfa_policy.into(),
            ..Default::default()
        };
        let created = TenantServiceClient::new(self.operator.client.clone())
            .create_tenant(ask)
            .await;
        let tenant = created
            .expect("a tenant")
            .into_inner()
            .tenant
            .expect("a tenant");
        let operator = self.operator.client.in_tenant(name);
        let roles = roles(&operator).await;
        let company = Company {
            anyone: self.anyone(),
            operator,
            roles,
            id: tenant.id,
            name: name.into(),
            admin: self.operator.clone(),
        };
        let role = ["admin", "platform", "organization admin"]
            .into_iter()
            .find(|role| company.roles.contains_key(*role));
        let admin = company
            .invited(
                &format!("admin@{name}.example"),
                &[role.expect("an admin role")],
                &self.mails(),
            )
            .await;
        Company { admin, ..company }
    }

    /// Waits until every event is numbered and every consumer has read it.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn settled(&self) {
        let mut conditions = Vec::new();
        for producer in SCHEMAS {
            conditions.push(format!(
                "NOT EXISTS (SELECT FROM \"{producer}\".outbox WHERE position IS NULL)"
            ));
            for consumer in SCHEMAS {
                conditions.push(format!(
                    "NOT EXISTS (SELECT FROM \"{consumer}\".cursors c WHERE c.producer = '{producer}'
                         AND c.position < (SELECT coalesce(max(o.position), 0)
                             FROM \"{producer}\".outbox o WHERE o.shard = c.shard))"
                ));
            }
        }
        let sql = format!("SELECT {}", conditions.join(" AND "));
        eventually("the end of all feeds", || async {
            let mut database = self.database().connect().await;
            sqlx::query_scalar(AssertSqlSafe(sql.clone()))
                .fetch_one(&mut database)
                .await
                .expect("an answer")
        })
        .await;
    }

    /// Stops everything and drops the database.
    pub async fn stop(self) {
        self.running.stop().await;
        self.database.drop().await;
    }
}

/// A suite beside another; see [`Suite::replica`].
pub struct Replica {
    running: suite::Running,
    time: store::ClockHandle,
}

impl Replica {
    /// Somebody without a credential.
    #[must_use]
    pub fn anyone(&self) -> Client {
        Client::new(self.running.gateway.clone())
    }

    /// Moves the time of the replica; see `store::Clock`.
    #[must_use]
    pub fn time(&self) -> &store::ClockHandle {
        &self.time
    }

    /// Stops it.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

async fn run(config: suite::Config, clock: store::Clock) -> Result<suite::Running> {
    let mut running = suite::start(config, clock)
        .await
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    anyhow::ensure!(
        running.ready(Duration::from_secs(30)).await,
        "a part does not serve"
    );
    Ok(running)
}

/// Makes the platform tenant and its first operator, who logs in.
pub async fn bootstrap(anyone: &Client, operator_password: &str) -> Result<Member> {
    let ask = BootstrapRequest {
        bootstrap_token: BOOTSTRAP_TOKEN.into(),
        email: OPERATOR.into(),
        first_name: "Olga".into(),
        last_name: "Operator".into(),
        password: operator_password.to_owned(),
    };
    TenantServiceClient::new(anyone.clone())
        .bootstrap(ask)
        .await
        .context("bootstrapping")?;
    sign_in(anyone, "platform", OPERATOR, operator_password).await
}

fn config(database: &Database, mailbox: &Mailbox, flags: &[&str]) -> Result<suite::Config> {
    let (redis_url, redis_prefix) = testkit::redis();
    let own = [
        ("--postgres-url", database.url()),
        ("--postgres-connections", "10".to_owned()),
        ("--redis-url", redis_url),
        ("--redis-prefix", redis_prefix),
        ("--secret", SECRET.to_owned()),
        ("--smtp-url", mailbox.smtp_url()),
        ("--mail-from", "Usher <no-reply@usher.example>".to_owned()),
        ("--link-base", "https://people.example/".to_owned()),
        ("--bootstrap-token", BOOTSTRAP_TOKEN.to_owned()),
    ];
    let own = own.iter().filter(|(name, _)| !flags.contains(name));
    let own = own.flat_map(|(name, value)| [*name, value.as_str()]);
    Ok(suite::config(own.chain(flags.iter().copied()))?)
}

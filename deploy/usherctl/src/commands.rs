//! The commands, a file a group.

mod api_keys;
mod audit;
mod bootstrap;
mod breached_passwords;
mod check;
mod devices;
mod domains;
mod import;
mod invitations;
mod keys;
mod license;
mod login;
mod mfa;
mod migrate;
mod password;
mod policy;
mod projects;
mod properties;
mod roles;
mod service_accounts;
mod sessions;
mod tenants;
mod users;

use std::process::ExitCode;

use crate::{Session, failure::Failure};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Bring the schemas in Postgres to the state of this release
    Migrate(migrate::Migrate),
    /// Make the platform tenant and its first operator in an empty installation
    Bootstrap(bootstrap::Bootstrap),
    /// Sign in and keep the session token
    Login(login::Login),
    /// End the session and forget its token
    Logout,
    /// Tenants of the installation
    #[command(subcommand)]
    Tenants(tenants::Tenants),
    /// The policy of the tenant: passwords, lockout, second factors, sessions
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Your own password
    #[command(subcommand)]
    Password(password::Password),
    /// Passwords known from breaches, which nobody can choose
    #[command(subcommand)]
    BreachedPasswords(breached_passwords::BreachedPasswords),
    /// Users of the tenant
    #[command(subcommand)]
    Users(users::Users),
    /// Domains of the tenant's usernames
    #[command(subcommand)]
    Domains(domains::Domains),
    /// The tenant's own properties of users
    #[command(subcommand)]
    Properties(properties::Properties),
    /// Roles of the tenant
    #[command(subcommand)]
    Roles(roles::Roles),
    /// Projects of the tenant
    #[command(subcommand)]
    Projects(projects::Projects),
    /// Seats of the tenant, and the roles that use them
    #[command(subcommand)]
    License(license::License),
    /// Invitations of the tenant
    #[command(subcommand)]
    Invitations(invitations::Invitations),
    /// Bring a whole company in from a file
    #[command(subcommand)]
    Import(import::Import),
    /// Ask whether a user may do something; exit code 1 says no
    Check(check::Check),
    /// The audit trail of the tenant
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Second factors: one's own, and those of users who lost them
    #[command(subcommand)]
    Mfa(mfa::Mfa),
    /// Sessions of a user
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// Devices from which a user has logged in
    #[command(subcommand)]
    Devices(devices::Devices),
    /// Machines that call by themselves
    #[command(subcommand)]
    ServiceAccounts(service_accounts::ServiceAccounts),
    /// Keys of service accounts
    #[command(subcommand)]
    ApiKeys(api_keys::ApiKeys),
    /// Keys of the installation
    #[command(subcommand)]
    Keys(keys::Keys),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Command::Check(check) => return check.run(session).await,
            Command::Audit(audit) => return audit.run(session).await,
            Command::BreachedPasswords(breached) => return breached.run(session),
            Command::Password(password) => password.run(session).await,
            Command::Migrate(migrate) => migrate.run(session).await,
            Command::Bootstrap(bootstrap) => bootstrap.run(session).await,
            Command::Login(login) => login.run(session).await,
            Command::Logout => login::logout(session).await,
            Command::Tenants(tenants) => tenants.run(session).await,
            Command::Policy(policy) => policy.run(session).await,
            Command::Users(users) => users.run(session).await,
            Command::Domains(domains) => domains.run(session).await,
            Command::Properties(properties) => properties.run(session).await,
            Command::Roles(roles) => roles.run(session).await,
            Command::Projects(projects) => projects.run(session).await,
            Command::License(license) => license.run(session).await,
            Command::Invitations(invitations) => invitations.run(session).await,
            Command::Import(import) => import.run(session).await,
            Command::Mfa(mfa) => mfa.run(session).await,
            Command::Sessions(sessions) => sessions.run(session).await,
            Command::Devices(devices) => devices.run(session).await,
            Command::ServiceAccounts(accounts) => accounts.run(session).await,
            Command::ApiKeys(keys) => keys.run(session).await,
            Command::Keys(keys) => keys.run(session).await,
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

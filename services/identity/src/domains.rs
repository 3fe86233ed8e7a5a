//! The domains of tenants, and the usernames on them (requirements U-03, U-04).
//!
//! A tenant proves a domain by a TXT record that nobody else knows to set. Until
//! then it counts for nothing and keeps nobody else from adding it, so nobody
//! learns who has it (B-24); who gives the right proof of a domain that another
//! has proven is told so. Once a tenant has proven domains, usernames that
//! somebody chooses are on them. Two who choose and remove at the same time wait
//! for each other at the row of the domain.

mod add;
mod list;
mod lookup;
mod remove;
mod set_primary;
mod verify;

use contract::{
    Id,
    identity::{
        AddDomainRequest, AddDomainResponse, Domain, ErrorReason, ListDomainsRequest,
        ListDomainsResponse, RemoveDomainRequest, RemoveDomainResponse, SetPrimaryDomainRequest,
        SetPrimaryDomainResponse, Tenant, VerifyDomainRequest, VerifyDomainResponse,
        domain_service_server::DomainService,
    },
};
use rpc::{Because as _, Error, Reply};
use sqlx::PgConnection;
use tonic::Request;

use crate::{
    Identity,
    db::{self, domains::Row},
    timestamp,
    users::names,
};

pub use lookup::Lookup;

#[tonic::async_trait]
impl DomainService for Identity {
    async fn add_domain(&self, request: Request<AddDomainRequest>) -> Reply<AddDomainResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(add::run(self, &caller, ask).await)
    }

    async fn verify_domain(
        &self,
        request: Request<VerifyDomainRequest>,
    ) -> Reply<VerifyDomainResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(verify::run(self, &caller, ask).await)
    }

    async fn set_primary_domain(
        &self,
        request: Request<SetPrimaryDomainRequest>,
    ) -> Reply<SetPrimaryDomainResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(set_primary::run(self, &caller, ask).await)
    }

    async fn remove_domain(
        &self,
        request: Request<RemoveDomainRequest>,
    ) -> Reply<RemoveDomainResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(remove::run(self, &caller, ask).await)
    }

    async fn list_domains(
        &self,
        request: Request<ListDomainsRequest>,
    ) -> Reply<ListDomainsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }
}

/// A username as it is kept: without an @ it gets the primary domain. Refused
/// where the tenant has proven domains and it is on none of them; those domains
/// stay until the transaction ends.
pub async fn username(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    given: &str,
) -> Result<String, Error> {
    let proven = db::domains::hold_proven(db, tenant).await?;
    settled(&proven, given)
}

/// The same, where the proven domains are known.
pub fn settled(proven: &[Row], given: &str) -> Result<String, Error> {
    let mut username = names::clean(given);
    if proven.is_empty() {
        return Ok(username);
    }
    if let Some(primary) = proven.iter().find(|domain| domain.is_primary)
        && !username.contains('@')
    {
        username = format!("{username}@{}", primary.name);
    }
    let key = names::key(&username);
    let on = |(local, domain): (&str, &str)| {
        !local.is_empty()
            && !local.contains(['@', ' '])
            && proven.iter().any(|one| one.name == domain)
    };
    if key.split_once('@').is_some_and(on) {
        Ok(username)
    } else {
        Err(elsewhere(proven))
    }
}

fn elsewhere(proven: &[Row]) -> Error {
    let domains: Vec<&str> = proven.iter().map(|one| one.name.as_str()).collect();
    let why = format!("must be on a domain of the tenant: {}", domains.join(", "));
    ErrorReason::UsernameDomain
        .because(format!("username {why}"))
        .violation("username", why)
}

/// Refuses where the tenant has no such domain.
fn not_found() -> Error {
    ErrorReason::DomainNotFound.because("the tenant has no such domain")
}

/// Refuses for want of a proof, and says what would be one.
fn unproven(domain: &Row, why: &str) -> Error {
    ErrorReason::DomainUnproven
        .because(format!("{} is not proven: {why}", domain.name))
        .with("record_name", record_name(&domain.name))
        .with("record_value", record_value(&domain.challenge))
}

/// The domain as it is now, or `DOMAIN_NOT_FOUND`.
async fn read(db: &mut PgConnection, tenant: Id<Tenant>, name: &str) -> Result<Row, Error> {
    db::domains::get(db, tenant, name)
        .await?
        .ok_or_else(not_found)
}

fn record_name(domain: &str) -> String {
    format!("_usher-challenge.{domain}")
}

fn record_value(challenge: &str) -> String {
    format!("usher-domain-verification={challenge}")
}

impl From<Row> for Domain {
    fn from(row: Row) -> Domain {
        Domain {
            record_name: record_name(&row.name),
            record_value: record_value(&row.challenge),
            name: row.name,
            verified: row.verify_time.is_some(),
            primary: row.is_primary,
            create_time: Some(timestamp(row.create_time)),
            verify_time: row.verify_time.map(timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn domain(name: &str, is_primary: bool) -> Row {
        Row {
            name: name.into(),
            challenge: String::new(),
            create_time: DateTime::UNIX_EPOCH,
            verify_time: Some(DateTime::UNIX_EPOCH),
            is_primary,
        }
    }

    #[test]
    fn usernames_are_on_the_domains_of_the_tenant() {
        let proven = [domain("acme.example", true), domain("acme.test", false)];
        for (given, kept) in [
            ("ada", Some("ada@acme.example")),
            ("Ada@ACME.example", Some("Ada@ACME.example")),
            ("ada@acme.test", Some("ada@acme.test")),
            ("ada@sub.acme.test", None),
            ("ada@acme.example@evil.example", None),
            ("ada@evil.example@acme.example", None),
            ("@acme.example", None),
            ("a da", None),
            ("", None),
        ] {
            assert_eq!(settled(&proven, given).ok().as_deref(), kept, "{given}");
        }
        assert_eq!(settled(&[], "any name").ok().as_deref(), Some("any name"));
        let unchosen = [domain("acme.test", false)];
        assert!(settled(&unchosen, "ada").is_err(), "there is none to add");
    }
}

//! Domains of the tenant's usernames.

use contract::identity::{
    AddDomainRequest, Domain, ListDomainsRequest, RemoveDomainRequest, SetPrimaryDomainRequest,
    VerifyDomainRequest, domain_service_client::DomainServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::{time, yes},
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Domains {
    /// List the domains, and the records that prove them
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Add a domain and show the TXT record to set in its DNS
    #[command(
        after_help = "Example:\n  usherctl domains add acme.example\n  usherctl domains verify acme.example"
    )]
    Add {
        /// The domain
        domain: String,
    },
    /// Look for the TXT record, and take the domain as proven
    Verify {
        /// The domain
        domain: String,
    },
    /// Choose the domain that usernames without an @ get
    SetPrimary {
        /// The domain
        domain: String,
    },
    /// Remove a domain on which no usernames are
    Remove {
        /// The domain
        domain: String,
    },
}

impl Domains {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = DomainServiceClient::new(session.client.gateway());
        let request_id = names::request_id();
        let domain = match self {
            Domains::List { limit } => return all(session, limit).await,
            Domains::Add { domain } => {
                let ask = AddDomainRequest { domain, request_id };
                client.add_domain(ask).await?.into_inner().domain
            }
            Domains::Verify { domain } => {
                let ask = VerifyDomainRequest { domain, request_id };
                client.verify_domain(ask).await?.into_inner().domain
            }
            Domains::SetPrimary { domain } => {
                let ask = SetPrimaryDomainRequest { domain, request_id };
                client.set_primary_domain(ask).await?.into_inner().domain
            }
            Domains::Remove { domain } => {
                let done = format!("done: {domain}");
                let ask = RemoveDomainRequest { domain, request_id };
                client.remove_domain(ask).await?;
                session.print.say(&done);
                return Ok(());
            }
        };
        show(session, &domain.unwrap_or_default())
    }
}

fn show(session: &Session, domain: &Domain) -> Result<(), Failure> {
    let fields = [
        ("Domain", domain.name.clone()),
        ("Proven", yes(domain.verified)),
        ("Primary", yes(domain.primary)),
        ("TXT record", domain.record_name.clone()),
        ("holds", domain.record_value.clone()),
        ("Added", time(domain.create_time.as_ref())),
        ("Proven since", time(domain.verify_time.as_ref())),
    ];
    session.print.one(domain, &fields)
}

async fn all(session: &Session, limit: Limit) -> Result<(), Failure> {
    let client = DomainServiceClient::new(session.client.gateway());
    let page = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListDomainsRequest {
            page_size,
            page_token,
        };
        async move { client.list_domains(ask).await }
    };
    let listed = list(limit, page, |page| {
        (page.domains, page.next_page_token, page.total_size)
    })
    .await?;
    let header = ["Domain", "Proven", "Primary", "TXT record", "holds"];
    session.print.many(&listed, header, |domain: &Domain| {
        [
            domain.name.clone(),
            yes(domain.verified),
            yes(domain.primary),
            domain.record_name.clone(),
            domain.record_value.clone(),
        ]
    })
}

//! Tenants of the installation.

use contract::{
    authorization::RoleSet,
    identity::{
        CreateTenantRequest, GetTenantRequest, ListTenantsRequest, MfaPolicy, Tenant,
        UpdateTenantRequest, tenant_service_client::TenantServiceClient,
    },
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::{time, word},
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Tenants {
    /// Create a tenant with its roles
    #[command(
        after_help = "Example:\n  usherctl tenants create acme --display-name 'Acme GmbH' --role-set standard --mfa required"
    )]
    Create {
        /// The short name for logging in: lower case letters, digits, hyphens
        name: String,
        /// The name shown to people
        #[arg(long)]
        display_name: String,
        /// The roles it starts with
        #[arg(long, default_value = "standard")]
        role_set: Set,
        /// Whether users log in with a second factor
        #[arg(long, default_value = "optional")]
        mfa: Mfa,
        /// The language of mails: en or de
        #[arg(long, default_value = "")]
        language: String,
    },
    /// List all tenants
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Show the tenant one is signed in to, or that --tenant names
    Show,
    /// Change that tenant
    Update {
        /// The name shown to people
        #[arg(long)]
        display_name: Option<String>,
        /// Whether users log in with a second factor
        #[arg(long)]
        mfa: Option<Mfa>,
        /// The language of mails: en or de
        #[arg(long)]
        language: Option<String>,
    },
}

/// The predefined roles.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Set {
    /// Admin, Standard User, Analyst.
    Standard,
    /// Platform.
    Platform,
    /// Organization Admin, View Only Admin, Billing Admin, User.
    Organization,
    /// Admin, Co-admin, Asset Manager, Viewer.
    Project,
}

/// Whether a second factor is asked for.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Mfa {
    /// Never.
    Off,
    /// Of those who enrolled one.
    Optional,
    /// Of everybody.
    Required,
}

impl From<Mfa> for MfaPolicy {
    fn from(mfa: Mfa) -> MfaPolicy {
        match mfa {
            Mfa::Off => MfaPolicy::Off,
            Mfa::Optional => MfaPolicy::Optional,
            Mfa::Required => MfaPolicy::Required,
        }
    }
}

impl Tenants {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = TenantServiceClient::new(session.client.gateway());
        let tenant = match self {
            Tenants::List { limit } => return all(session, limit).await,
            Tenants::Show => {
                client
                    .get_tenant(GetTenantRequest {})
                    .await?
                    .into_inner()
                    .tenant
            }
            Tenants::Create {
                name,
                display_name,
                role_set,
                mfa,
                language,
            } => {
                let role_set = match role_set {
                    Set::Standard => RoleSet::Standard,
                    Set::Platform => RoleSet::Platform,
                    Set::Organization => RoleSet::Organization,
                    Set::Project => RoleSet::Project,
                };
                let ask = CreateTenantRequest {
                    name,
                    display_name,
                    mfa_policy: MfaPolicy::from(mfa).into(),
                    role_set: role_set.into(),
                    language,
                    request_id: names::request_id(),
                };
                client.create_tenant(ask).await?.into_inner().tenant
            }
            Tenants::Update {
                display_name,
                mfa,
                language,
            } => {
                let ask = UpdateTenantRequest {
                    display_name,
                    mfa_policy: mfa.map_or(MfaPolicy::Unspecified, MfaPolicy::from).into(),
                    language,
                    etag: String::new(),
                    request_id: names::request_id(),
                };
                client.update_tenant(ask).await?.into_inner().tenant
            }
        };
        show(session, &tenant.unwrap_or_default())
    }
}

fn mfa(tenant: &Tenant) -> String {
    word(tenant.mfa_policy().as_str_name(), "MFA_POLICY_")
}

fn show(session: &Session, tenant: &Tenant) -> Result<(), Failure> {
    let fields = [
        ("ID", tenant.id.clone()),
        ("Name", tenant.name.clone()),
        ("Display name", tenant.display_name.clone()),
        ("Second factor", mfa(tenant)),
        ("Language", tenant.language.clone()),
        ("Created", time(tenant.create_time.as_ref())),
    ];
    session.print.one(tenant, &fields)
}

async fn all(session: &Session, limit: Limit) -> Result<(), Failure> {
    let client = TenantServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_tenants(ListTenantsRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    let listed = list(limit, ask, |page| {
        (page.tenants, page.next_page_token, page.total_size)
    })
    .await?;
    session.print.many(
        &listed,
        ["Name", "Display name", "Second factor", "Created", "ID"],
        |tenant: &Tenant| {
            let created = time(tenant.create_time.as_ref());
            [
                tenant.name.clone(),
                tenant.display_name.clone(),
                mfa(tenant),
                created,
                tenant.id.clone(),
            ]
        },
    )
}

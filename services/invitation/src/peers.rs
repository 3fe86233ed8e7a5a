//! The other services, as this one asks them.

use std::{sync::Arc, time::Duration};

use contract::{
    Id,
    authorization::{
        ListRolesRequest, Role, provisioning_service_client::ProvisioningServiceClient as Grants,
        role_service_client::RoleServiceClient,
    },
    identity::{
        GetTenantRequest, Tenant, provisioning_service_client::ProvisioningServiceClient as Users,
        tenant_service_client::TenantServiceClient,
    },
};
use quick_cache::sync::Cache;
use rpc::{Caller, Channel, Error};
use tokio::time::Instant;

/// The name by which this service acts.
pub(crate) const SERVICE: &str = "invitation";

/// How long a tenant's name and language are believed. Mails of one import ask
/// for the same tenant thousands of times.
const TENANT_FRESH: Duration = Duration::from_secs(10);

/// Clients of the other services.
pub(crate) struct Peers {
    identity: Channel,
    authorization: Channel,
    tenants: Cache<Id<Tenant>, (Instant, Arc<Tenant>)>,
}

impl Peers {
    pub(crate) fn new(peers: &boot::Peers) -> Peers {
        Peers {
            identity: peers.identity.clone(),
            authorization: peers.authorization.clone(),
            tenants: Cache::new(10_000),
        }
    }

    /// Identity's users, in the caller's tenant.
    pub(crate) fn users(&self, caller: &Caller) -> Users<Channel> {
        Users::new(self.identity.on_behalf_of(caller))
    }

    /// Authorization's grants, in the caller's tenant.
    pub(crate) fn grants(&self, caller: &Caller) -> Grants<Channel> {
        Grants::new(self.authorization.on_behalf_of(caller))
    }

    /// A tenant as it was at most ten seconds ago.
    pub(crate) async fn tenant(&self, id: Id<Tenant>) -> Result<Arc<Tenant>, Error> {
        if let Some((asked, tenant)) = self.tenants.get(&id)
            && asked.elapsed() < TENANT_FRESH
        {
            return Ok(tenant);
        }
        let asked = Instant::now();
        let channel = self.identity.on_behalf_of(&Caller::system(SERVICE, id));
        let reply = TenantServiceClient::new(channel)
            .get_tenant(GetTenantRequest {})
            .await?
            .into_inner();
        let tenant = Arc::new(
            reply
                .tenant
                .ok_or_else(|| Error::fault("identity answered no tenant"))?,
        );
        self.tenants.insert(id, (asked, tenant.clone()));
        Ok(tenant)
    }

    /// All roles of a tenant.
    pub(crate) async fn roles(&self, tenant: Id<Tenant>) -> Result<Vec<Role>, Error> {
        let channel = self
            .authorization
            .on_behalf_of(&Caller::system(SERVICE, tenant));
        let mut client = RoleServiceClient::new(channel);
        let mut roles = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = client
                .list_roles(ListRolesRequest {
                    page_size: 100,
                    page_token,
                })
                .await?
                .into_inner();
            roles.extend(page.roles);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(roles);
            }
        }
    }
}

/// Whether it is open what became of a call: it may have had its effect.
/// Everything else is an answer.
pub(crate) fn in_doubt(error: &Error) -> bool {
    use tonic::Code::{Cancelled, DeadlineExceeded, Internal, Unavailable, Unknown};
    matches!(
        error.code(),
        Cancelled | DeadlineExceeded | Internal | Unavailable | Unknown
    )
}

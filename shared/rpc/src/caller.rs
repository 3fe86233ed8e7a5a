//! Who is calling, and where.

use std::net::IpAddr;
use std::sync::Arc;

use contract::Id;
use contract::errors::ErrorReason;
use contract::identity::{Session, Tenant, User};

use crate::{Because, Error};

/// Who is calling. Made by the access layer from verified credentials, and by
/// background work for itself.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant in which the call acts.
    pub tenant: Option<Id<Tenant>>,
    /// The person; where a service acts for somebody, that somebody.
    pub user: Option<Id<User>>,
    /// Where the person lives: another tenant than `tenant` only for an operator
    /// of the platform.
    pub home: Option<Id<Tenant>>,
    /// The session from which the person calls; none where a service account
    /// does.
    pub session: Option<Id<Session>>,
    /// The service of the suite that calls; `None` where a person does.
    pub service: Option<Arc<str>>,
    /// The network address of the client.
    pub address: Option<IpAddr>,
    /// The program of the client, as it names itself and cut to 200 characters.
    pub user_agent: Option<Arc<str>>,
    /// Finds the request in logs: a UUID.
    pub request_id: Arc<str>,
}

impl Caller {
    /// Nobody in particular, from somewhere.
    #[must_use]
    pub fn anonymous(request_id: Arc<str>) -> Self {
        Self {
            tenant: None,
            user: None,
            home: None,
            session: None,
            service: None,
            address: None,
            user_agent: None,
            request_id,
        }
    }

    /// Work that a service does by itself in a tenant.
    #[must_use]
    pub fn system(service: &'static str, tenant: Id<Tenant>) -> Self {
        Self::acting(service, tenant, None)
    }

    /// Work that a service does in a tenant, later, for a user of it.
    #[must_use]
    pub fn acting(service: &'static str, tenant: Id<Tenant>, user: Option<Id<User>>) -> Self {
        Self {
            tenant: Some(tenant),
            user,
            home: Some(tenant),
            service: Some(service.into()),
            ..Self::anonymous(fresh_request_id())
        }
    }

    /// The tenant of the call, or `CREDENTIAL_MISSING`.
    pub fn tenant(&self) -> Result<Id<Tenant>, Error> {
        self.tenant.ok_or_else(|| {
            ErrorReason::CredentialMissing.because("the call is not made in a tenant")
        })
    }

    /// The tenant in which the caller lives, where their own account is,
    /// wherever they act; or `CREDENTIAL_MISSING`.
    pub fn own_tenant(&self) -> Result<Id<Tenant>, Error> {
        self.home.map_or_else(|| self.tenant(), Ok)
    }

    /// The same caller, acting in that tenant.
    #[must_use]
    pub fn acting_in(&self, tenant: Id<Tenant>) -> Self {
        Self {
            tenant: Some(tenant),
            ..self.clone()
        }
    }

    /// Whom a request means that names a user of the tenant, or nobody for the
    /// caller; and where they live.
    pub fn whose(&self, user_id: &str) -> Result<(Id<Tenant>, Id<User>), Error> {
        match user_id {
            "" => Ok((self.own_tenant()?, self.user()?)),
            id => Ok((self.tenant()?, id.parse()?)),
        }
    }

    /// The person, or `CREDENTIAL_MISSING`.
    pub fn user(&self) -> Result<Id<User>, Error> {
        self.user
            .ok_or_else(|| ErrorReason::CredentialMissing.because("sign in first"))
    }
}

/// A request id for a call that brought none.
pub(crate) fn fresh_request_id() -> Arc<str> {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    Arc::from(&*Id::<()>::new().uuid().hyphenated().encode_lower(&mut text))
}

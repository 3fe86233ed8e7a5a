//! What a service is, and what it stands on.

use rpc::{Channel, Error, ServiceTokens};
use store::{Clock, Store};
use tonic::service::Routes;

use crate::{Redis, Secret, Tasks, mount::seconds};

/// A service of the suite. `boot` gives it what it stands on, and adds what
/// all services have: the feed of its events, health, reflection, the server
/// stack.
#[tonic::async_trait]
pub trait Service: Sized + 'static {
    /// The name: of the schema, of the role, in logs, in tokens.
    const NAME: &'static str;
    /// The flags that only this service has.
    type Config: clap::Args + Clone + Send + 'static;

    /// The migrations of the service's own tables.
    fn migrations() -> &'static sqlx::migrate::Migrator;

    /// Starts the background work and answers the gRPC services. Peers may not
    /// answer yet: nothing here waits for them.
    async fn start(host: Host, config: Self::Config) -> Result<Routes, Error>;
}

/// What a service stands on.
#[derive(Clone)]
pub struct Host {
    /// The service's tables.
    pub store: Store,
    /// A hint that may be down, or not there at all.
    pub redis: Option<Redis>,
    /// The other services, and this one; calls carry this service's token.
    pub peers: Peers,
    /// The time.
    pub clock: Clock,
    /// Background work.
    pub tasks: Tasks,
}

/// The services of the suite, as one of them knows them.
#[derive(Clone)]
pub(crate) struct Known {
    /// All of them, called as nobody: for keys, one's own token, health.
    pub plain: Peers,
    /// All of them, called as this service.
    pub peers: Peers,
}

impl Known {
    /// The services by these channels, called as `service` with its `key`.
    pub fn new(service: &'static str, key: &Secret, clock: &Clock, plain: Peers) -> Self {
        let key = key.reveal().to_owned();
        let tokens = ServiceTokens::new(plain.identity.clone(), service, key, seconds(clock));
        let own = |channel: &Channel| channel.clone().as_service(tokens.clone());
        let peers = Peers {
            identity: own(&plain.identity),
            authorization: own(&plain.authorization),
            invitation: own(&plain.invitation),
            importer: own(&plain.importer),
        };
        Self { plain, peers }
    }
}

/// The services of the suite, called as one of them.
#[derive(Clone)]
pub struct Peers {
    /// Users, passwords, sessions, tenants, audit.
    pub identity: Channel,
    /// Roles, bindings, projects, checks, seats.
    pub authorization: Channel,
    /// Invitations and mail.
    pub invitation: Channel,
    /// Imports.
    pub importer: Channel,
}

impl Peers {
    /// The service of this name.
    #[must_use]
    pub fn of(&self, service: &str) -> Option<&Channel> {
        match service {
            "identity" => Some(&self.identity),
            "authorization" => Some(&self.authorization),
            "invitation" => Some(&self.invitation),
            "importer" => Some(&self.importer),
            _ => None,
        }
    }
}

//! All services in one process, calling each other without a network.

use std::collections::HashMap;

use rpc::{BoxedService, Channel, Error, LateBinding};
use tokio::sync::watch;

use crate::{
    Edge, Known, Peers, Root, Secret, Service, Site,
    edge::{GATEWAY, front},
    mount::mount,
    places::SERVICES,
};

/// A process that holds several services. Each may call every other, also one
/// that is added later.
pub struct Together {
    site: Site,
    root: Root,
    channels: HashMap<&'static str, Channel>,
    unbound: HashMap<&'static str, LateBinding>,
    keys: HashMap<&'static str, Secret>,
    parts: Vec<watch::Receiver<bool>>,
}

impl Together {
    /// An empty process. The services' own secrets are derived from `root`;
    /// the keys by which they prove themselves are made here and live no
    /// longer than the process.
    #[must_use]
    pub fn new(site: Site, root: Root) -> Self {
        let mut together = Self {
            site,
            root,
            channels: HashMap::new(),
            unbound: HashMap::new(),
            keys: HashMap::new(),
            parts: Vec::new(),
        };
        for name in SERVICES {
            let (channel, binding) = Channel::late();
            together.channels.insert(name, channel);
            together.unbound.insert(name, binding);
        }
        for name in SERVICES.into_iter().chain([GATEWAY]) {
            together.keys.insert(name, Secret::random());
        }
        together
    }

    /// The SHA-256 of every service's key, in hex, by service: what identity
    /// is told.
    pub fn service_keys(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.keys
            .iter()
            .map(|(name, key)| (*name, key.fingerprint()))
    }

    fn known(&self, service: &'static str) -> Result<Known, Error> {
        let key = self.keys.get(service);
        let key = key.ok_or_else(|| Error::fault(format!("{service} is no part of the suite")))?;
        let plain = Peers {
            identity: self.channels["identity"].clone(),
            authorization: self.channels["authorization"].clone(),
            invitation: self.channels["invitation"].clone(),
            importer: self.channels["importer"].clone(),
        };
        Ok(Known::new(service, key, &self.site.clock, plain))
    }

    /// Starts a service; the others reach it from here on.
    pub async fn add<S: Service>(&mut self, config: S::Config) -> Result<(), Error> {
        let root = self.root.of_service(S::NAME)?;
        let part = mount::<S>(&self.site, &root, self.known(S::NAME)?, config).await?;
        let binding = self.unbound.remove(S::NAME);
        let binding = binding.ok_or_else(|| Error::fault(format!("{} is here twice", S::NAME)))?;
        binding.bind(Channel::local(part.service));
        self.parts.push(part.serving);
        Ok(())
    }

    /// Puts the gateway before the services. Answers it, and what says that
    /// all of the process serves.
    pub fn front(
        self,
        open: impl FnOnce(&Edge) -> BoxedService,
    ) -> Result<(BoxedService, Vec<watch::Receiver<bool>>), Error> {
        let known = self.known(GATEWAY)?;
        let edge = Edge {
            peers: known.peers.clone(),
            redis: self.site.redis.clone(),
            calls: self.site.calls.clone(),
            clock: self.site.clock.clone(),
            tasks: self.site.tasks.clone(),
        };
        let (gateway, serving) = front(&edge, known, open)?;
        let mut parts = self.parts;
        parts.push(serving);
        Ok((gateway, parts))
    }

    /// A service past the gateway, called as nobody: for tests.
    #[must_use]
    pub fn channel(&self, service: &str) -> Option<Channel> {
        self.channels.get(service).cloned()
    }
}

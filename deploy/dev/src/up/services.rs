//! Usher's own processes: how each is built, told where the others are, and started.

use crate::build;
use crate::cluster::free_port;
use crate::failure::Outcome;
use crate::paths::Paths;
use crate::process::Recipe;
use crate::secrets::{Secrets, sha256};
use crate::state::Addresses;

/// The services that keep data, in the order in which they start.
const SERVICES: [&str; 4] = ["identity", "authorization", "invitation", "importer"];
/// Who mails come from.
const SENDER: &str = "Usher <no-reply@usher.example>";
/// Where links in mails lead: the platform's own pages, which are not part of Usher.
const LINKS: &str = "https://app.usher.example";

pub(super) fn build(paths: &Paths, separate: bool) -> Outcome {
    let mut arguments = vec!["-p", "usher-suite", "-p", "usher-usherctl"];
    if separate {
        for package in [
            "usher-identity",
            "usher-authorization",
            "usher-invitation",
            "usher-importer",
            "usher-gateway",
        ] {
            arguments.extend(["-p", package]);
        }
    }
    build::build(paths, &arguments)
}

/// A process to be started, and where it will tell its health.
pub(super) struct Prepared {
    pub(super) recipe: Recipe,
    pub(super) operations: String,
}

/// What every process is told.
pub(super) struct Plan<'a> {
    pub(super) paths: &'a Paths,
    pub(super) addresses: &'a Addresses,
    pub(super) service_postgres: &'a str,
}

impl Plan<'_> {
    /// All services and the gateway in one process.
    pub(super) fn suite(&self, secrets: &mut Secrets) -> Outcome<Vec<Prepared>> {
        let operations = self.operations();
        let recipe = self.process("suite", &self.addresses.gateway, &operations)?;
        let recipe = self.stores(recipe, secrets)?;
        let recipe = Self::first(self.identity(self.mail(recipe)), secrets)?;
        Ok(vec![Prepared { recipe, operations }])
    }

    /// A process for each service, the gateway last.
    pub(super) fn separate(&self, secrets: &mut Secrets) -> Outcome<Vec<Prepared>> {
        let mut uris = Vec::new();
        for service in SERVICES {
            uris.push((
                format!("USHER_{}_URI", service.to_uppercase()),
                format!("127.0.0.1:{}", free_port(None)?),
            ));
        }
        let mut keys = Vec::new();
        for service in SERVICES.into_iter().chain(["gateway"]) {
            keys.push((service, secrets.key(&format!("{service}-key"))?));
        }
        let hashes: Vec<_> = keys
            .iter()
            .map(|(name, key)| format!("{name}={}", sha256(key.as_bytes())))
            .collect();
        let mut prepared = Vec::new();
        for (at, (service, key)) in keys.iter().enumerate() {
            let listen = uris
                .get(at)
                .map_or(&self.addresses.gateway, |(_, address)| address);
            let operations = if uris.len() == at {
                self.operations()
            } else {
                format!("127.0.0.1:{}", free_port(None)?)
            };
            let mut recipe = self
                .process(service, listen, &operations)?
                .variable("USHER_SERVICE_KEY", key);
            for (variable, address) in &uris {
                recipe = recipe.variable(variable, format!("http://{address}"));
            }
            recipe = self.stores(recipe, secrets)?;
            recipe = match *service {
                "identity" => Self::first(
                    self.identity(recipe.variable("USHER_SERVICE_KEYS", hashes.join(","))),
                    secrets,
                )?,
                "invitation" => self.mail(recipe),
                _ => recipe,
            };
            prepared.push(Prepared { recipe, operations });
        }
        Ok(prepared)
    }

    fn operations(&self) -> String {
        self.addresses
            .operations
            .trim_start_matches("http://")
            .to_owned()
    }

    fn process(&self, name: &str, listen: &str, operations: &str) -> Outcome<Recipe> {
        let program = self.paths.built("debug")?.join(format!("usher-{name}"));
        Ok(Recipe::new(name, program, self.paths.log(name))
            .variable("USHER_LISTEN", listen)
            .variable("USHER_OPS_LISTEN", operations)
            // There is no load balancer here that must notice first.
            .variable("USHER_DRAIN_WAIT_SECONDS", "0")
            .variable("USHER_DRAIN_SECONDS", "5"))
    }

    fn stores(&self, recipe: Recipe, secrets: &mut Secrets) -> Outcome<Recipe> {
        Ok(recipe
            .variable("USHER_SECRET", secrets.key("suite")?)
            .variable("USHER_POSTGRES_URL", self.service_postgres)
            .variable("USHER_REDIS_URL", &self.addresses.redis))
    }

    fn first(recipe: Recipe, secrets: &mut Secrets) -> Outcome<Recipe> {
        Ok(recipe.variable("USHER_BOOTSTRAP_TOKEN", secrets.password("bootstrap")?))
    }

    /// A small list, for trying out what a refusal is like.
    fn identity(&self, recipe: Recipe) -> Recipe {
        let known = self.paths.root().join("deploy/dev/breached-passwords.bin");
        recipe.variable("USHER_BREACHED_PASSWORDS", known.display().to_string())
    }

    fn mail(&self, recipe: Recipe) -> Recipe {
        recipe
            .variable("USHER_SMTP_URL", &self.addresses.smtp)
            .variable("USHER_MAIL_FROM", SENDER)
            .variable("USHER_LINK_BASE", LINKS)
    }
}

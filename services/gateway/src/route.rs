//! Which service answers a path, and which paths nobody outside may call.

use boot::Peers;
use contract::{Idempotency, Method, Rule};
use tonic::Status;

/// Methods that a service would answer to anyone, and that only services use:
/// they prove a service, not a person.
const INSIDE: [&str; 1] = ["/usher.identity.v1.TokenService/IssueServiceToken"];

/// Where a call goes.
#[derive(Clone)]
pub(crate) struct Route {
    /// The method, as the contract has it.
    pub method: &'static Method,
    /// The service that answers.
    pub to: rpc::Channel,
}

impl Route {
    /// Finds the route of an exact path. A method that is not for callers
    /// outside does not exist for them.
    pub(crate) fn find(path: &str, peers: &Peers) -> Result<Self, Status> {
        let unknown = || Status::unimplemented("no such method");
        let method = contract::method(path).ok_or_else(unknown)?;
        if matches!(method.rule, None | Some(Rule::Suite(_))) || INSIDE.contains(&method.path) {
            return Err(unknown());
        }
        let to = boot::serving(method.package)
            .and_then(|service| peers.of(service))
            .ok_or_else(unknown)?;
        Ok(Self {
            method,
            to: to.clone(),
        })
    }

    /// True for a method that anyone may call.
    pub(crate) fn public(&self) -> bool {
        matches!(self.method.rule, Some(Rule::Public))
    }

    /// True for a public method that does something: logging in, asking for a
    /// mail, accepting an invitation.
    pub(crate) fn attempt(&self) -> bool {
        self.public() && !matches!(self.method.idempotency, Idempotency::NoSideEffects)
    }
}

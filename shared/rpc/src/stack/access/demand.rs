//! What a rule of the contract demands of a caller.

use contract::Rule;
use contract::errors::ErrorReason;

use super::credentials::{Known, missing};
use crate::open::Own;
use crate::{Because, Caller, Error};

/// What lets a user act in a tenant in which they do not live.
pub const OPERATE: &str = "tenants.operate";

/// Services that every gRPC server has and that tell no secrets: health and
/// reflection. They are not part of the contract.
const INFRASTRUCTURE: [&str; 2] = ["/grpc.health.v1.", "/grpc.reflection."];

/// What has to be asked of authorization before a caller is let in.
#[derive(Default)]
pub struct Demand {
    /// The permission without which nothing goes.
    pub must: Option<&'static str>,
    /// Whether the caller acts in a tenant that is not theirs.
    pub elsewhere: bool,
    /// The field that names a user, its number, and the permission to name
    /// another one.
    pub own: Option<(&'static str, u32, &'static str)>,
}

impl Demand {
    /// All permissions with which every question is answered.
    pub fn permissions(&self) -> impl Iterator<Item = &'static str> {
        let own = self.own.map(|(.., permission)| permission);
        self.must
            .into_iter()
            .chain(self.elsewhere.then_some(OPERATE))
            .chain(own)
    }

    /// What `rpc::open` has to know.
    pub fn own(&self, granted: bool) -> Option<Own> {
        self.own.map(|(field, _, permission)| Own {
            field,
            permission,
            granted,
        })
    }
}

/// The rule of a path; `None` for what is open to all because it is not ours.
pub fn rule(path: &str) -> Result<Option<Rule>, Error> {
    match contract::method(path) {
        Some(method) => match method.rule {
            Some(rule) => Ok(Some(rule)),
            None => Err(Error::fault("a method without an access rule")),
        },
        // The routes answer UNIMPLEMENTED to what nobody serves; but what somebody
        // serves without the contract is reached by nobody.
        None if INFRASTRUCTURE.iter().any(|prefix| path.starts_with(prefix)) => Ok(None),
        None => Err(ErrorReason::PermissionDenied.because("the contract has no such method")),
    }
}

/// What is left to ask, after refusing whom no answer could let in.
pub fn demand(rule: Rule, known: &Known, caller: &Caller) -> Result<Demand, Error> {
    let nothing = Demand::default();
    match rule {
        Rule::Public => return Ok(nothing),
        Rule::Suite(services) if known.is_one_of(services) => return Ok(nothing),
        Rule::Suite(_) => {
            return Err(
                ErrorReason::PermissionDenied.because("only services of the suite may call this")
            );
        }
        // By itself, with nobody behind it.
        _ if known.is_suite() && caller.user.is_none() => return Ok(nothing),
        _ if caller.user.is_none() => return Err(missing()),
        _ => {}
    }
    let elsewhere = caller.home != caller.tenant;
    Ok(match rule {
        Rule::Permission(permission) => Demand {
            must: Some(permission),
            elsewhere,
            own: None,
        },
        Rule::Own {
            field,
            number,
            permission,
        } => Demand {
            must: None,
            elsewhere,
            own: Some((field, number, permission)),
        },
        Rule::Public | Rule::SignedIn | Rule::Suite(_) => Demand {
            elsewhere,
            ..nothing
        },
    })
}

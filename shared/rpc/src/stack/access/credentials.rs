//! What a request says about its caller, and what of it is believed.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use contract::Rule;
use contract::errors::ErrorReason;
use http::{HeaderMap, HeaderName, Request};
use tonic::body::Body;
use uuid::Uuid;

use crate::verify::{self, Person, invalid};
use crate::{Because, Caller, Error, Verifier, caller, headers};

/// The most characters that are kept of what a client calls itself.
const USER_AGENT: usize = 200;

/// The service through which strangers call.
const GATEWAY: &str = "gateway";

/// The address of the connection, put into a request's extensions by whoever
/// accepts connections.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The tokens of a request, as sent.
pub struct Credentials<'a> {
    person: Option<&'a str>,
    service: Option<&'a str>,
}

/// Who they are.
pub struct Known {
    person: Option<Arc<Person>>,
    service: Option<Arc<verify::Peer>>,
}

impl<'a> Credentials<'a> {
    /// A header that is no text is no credential either: it is refused, not
    /// passed over.
    pub fn read(headers: &'a HeaderMap) -> Result<Self, Error> {
        let text = |name: HeaderName| {
            headers
                .get(name)
                .map(|value| value.to_str().map_err(|_| invalid()))
                .transpose()
        };
        let person = match text(headers::AUTHORIZATION)? {
            Some(value) => Some(bearer(value).ok_or_else(invalid)?),
            None => None,
        };
        Ok(Self {
            person,
            service: text(headers::SERVICE)?,
        })
    }

    /// Who they are, where all of them were verified before.
    pub fn known(&self, verifier: &Verifier) -> Option<Known> {
        let person = match self.person {
            Some(token) => Some(verifier.known_person(token)?),
            None => None,
        };
        let service = match self.service {
            Some(token) => Some(verifier.known_peer(token)?),
            None => None,
        };
        Some(Known { person, service })
    }

    /// Who they are. A person's token that is not valid does not keep anybody
    /// from what everybody may do, such as logging in again.
    pub async fn verify(self, verifier: &Verifier, rule: Rule) -> Result<Known, Error> {
        let service = match self.service {
            Some(token) => Some(verifier.peer(token).await?),
            None => None,
        };
        let person = match self.person {
            Some(token) => verifier
                .person(token)
                .await
                .map(Some)
                .or_else(|error| match rule {
                    Rule::Public => Ok(None),
                    _ => Err(error),
                })?,
            None => None,
        };
        Ok(Known { person, service })
    }
}

/// RFC 6750: the scheme's case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

impl Known {
    /// Whether a service of the suite calls of its own, rather than the gateway
    /// for a stranger.
    pub fn is_suite(&self) -> bool {
        self.service
            .as_ref()
            .is_some_and(|peer| &*peer.name != GATEWAY)
    }

    /// Whether one of these services calls; none named means any but the gateway.
    pub fn is_one_of(&self, services: &[&str]) -> bool {
        match &self.service {
            Some(peer) if services.is_empty() => &*peer.name != GATEWAY,
            Some(peer) => services.contains(&&*peer.name),
            None => false,
        }
    }

    /// The caller, from verified tokens and from what a verified service says.
    /// What it says about whom it acts for and cannot be read is refused, not
    /// passed over: without it the service would act for itself.
    pub fn caller(&self, request: &Request<Body>) -> Result<Caller, Error> {
        let headers = request.headers();
        let trusted = self.service.is_some();
        // Only for logs: an unreadable one is replaced.
        let request_id = said::<Uuid>(headers, &headers::REQUEST_ID, trusted)
            .ok()
            .flatten()
            .map_or_else(caller::fresh_request_id, |id| id.to_string().into());
        let mut caller = Caller::anonymous(request_id);
        caller.address =
            said(headers, &headers::CLIENT_ADDRESS, trusted)?.or_else(|| connected_from(request));
        if self.is_suite() {
            caller.service = self.service.as_ref().map(|peer| peer.name.clone());
        } else {
            caller.user_agent = user_agent(headers);
        }
        if let Some(person) = &self.person {
            caller.user = Some(person.user);
            caller.tenant = Some(person.tenant);
            caller.home = Some(person.home);
            caller.session = person.session;
        } else if self.is_suite() {
            caller.tenant = said(headers, &headers::TENANT, true)?;
            caller.user = said(headers, &headers::ACTOR, true)?;
            caller.home = said(headers, &headers::HOME, true)?.or(caller.tenant);
        }
        Ok(caller)
    }
}

/// What a header says, where its sender is believed.
fn said<T: FromStr>(
    headers: &HeaderMap,
    name: &HeaderName,
    trusted: bool,
) -> Result<Option<T>, Error> {
    let Some(value) = headers.get(name).filter(|_| trusted) else {
        return Ok(None);
    };
    let read = value.to_str().ok().and_then(|text| text.parse().ok());
    read.map(Some).ok_or_else(invalid)
}

/// How the client names itself; what is no text names nobody.
fn user_agent(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(http::header::USER_AGENT)?.to_str().ok()?;
    // Text of a header is ASCII: any place is between two characters.
    Some(text.get(..USER_AGENT).unwrap_or(text).into())
}

fn connected_from(request: &Request<Body>) -> Option<IpAddr> {
    let peer = request.extensions().get::<Peer>();
    peer.map(|peer| peer.0.ip())
}

/// The refusal for a call without the credential that its rule asks for.
pub fn missing() -> Error {
    ErrorReason::CredentialMissing.because("sign in first: the call carries no credential")
}

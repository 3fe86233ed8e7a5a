//! What the descriptors say about methods, requests and reasons.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A method of the contract.
#[derive(Debug)]
pub struct Method {
    /// The path of the HTTP/2 request: `/usher.identity.v1.UserService/GetUser`.
    pub path: &'static str,
    /// The package: `usher.identity.v1`.
    pub package: &'static str,
    /// The service with its package: `usher.identity.v1.UserService`.
    pub service: &'static str,
    /// The bare name: `GetUser`.
    pub name: &'static str,
    /// Who may call it. Nobody may where the contract does not say.
    pub rule: Option<Rule>,
    /// What calling twice does.
    pub idempotency: Idempotency,
    /// The full name of the request message.
    pub input: &'static str,
    /// The full name of the response message.
    pub output: &'static str,
    /// Whether the caller sends a stream of requests.
    pub client_streaming: bool,
    /// Whether the service answers with a stream.
    pub server_streaming: bool,
    /// The place in [`methods`].
    pub index: usize,
}

impl Method {
    /// Whether one message is answered by one message.
    #[must_use]
    pub fn is_unary(&self) -> bool {
        !self.client_streaming && !self.server_streaming
    }

    /// Whether calling again after a lost answer does no harm.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        self.idempotency != Idempotency::Unknown
    }
}

/// Who may call a method: `usher.access.v1.Rule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anyone.
    Public,
    /// Any signed-in user or service account.
    SignedIn,
    /// The user whom the request names, or a holder of the permission.
    Own {
        /// The request field that holds the user's id; empty means the caller.
        field: &'static str,
        /// The number of that field on the wire.
        number: u32,
        /// What lets a caller name another user.
        permission: &'static str,
    },
    /// A holder of the permission in the tenant of the call.
    Permission(&'static str),
    /// Only these services of the suite; all of them where none is named.
    Suite(&'static [&'static str]),
}

/// What calling a method twice does: `google.protobuf.MethodOptions.IdempotencyLevel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Nothing is promised.
    Unknown,
    /// The method only reads.
    NoSideEffects,
    /// The second call changes nothing more.
    Idempotent,
}

/// A message that a method takes.
pub trait Request: prost::Message + prost::Name + Default {
    /// The id that makes the call repeatable; empty where there is none.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "messages that have the field lend it"
    )]
    fn request_id(&self) -> &str {
        ""
    }

    /// The user id in the field that a [`Rule::Own`] names; `None` where no
    /// rule of a method with this request names that field.
    fn subject(&self, field: &str) -> Option<&str> {
        let _ = field;
        None
    }
}

/// A request for one page of a list.
pub trait Paged: Request {
    /// How many rows the page is to have; 0 leaves it to the service.
    fn page_size(&self) -> u32;

    /// Where the page begins; empty at the start of the list.
    fn page_token(&self) -> &str;

    /// The same request for no page in particular: what makes the list what it
    /// is.
    #[must_use]
    fn of_any_page(&self) -> Self;
}

/// A value of an `ErrorReason` enum: why a call is refused.
pub trait Reason: Copy {
    /// `google.rpc.ErrorInfo.domain`: the package of the enum.
    const DOMAIN: &'static str;

    /// The status code of the refusal.
    fn code(self) -> tonic::Code;

    /// `google.rpc.ErrorInfo.reason`: the name of the value without
    /// `ERROR_REASON_`.
    fn name(self) -> &'static str;
}

/// The method behind the path of an HTTP/2 request.
#[must_use]
pub fn method(path: &str) -> Option<&'static Method> {
    static BY_PATH: LazyLock<HashMap<&'static str, &'static Method>> = LazyLock::new(|| {
        methods()
            .iter()
            .map(|method| (method.path, method))
            .collect()
    });
    BY_PATH.get(path).copied()
}

/// Every method of the contract.
#[must_use]
pub fn methods() -> &'static [Method] {
    generated::METHODS
}

mod generated {
    #![allow(clippy::all, clippy::pedantic, clippy::restriction)]
    use super::{Idempotency, Method, Paged, Reason, Request, Rule};
    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
}

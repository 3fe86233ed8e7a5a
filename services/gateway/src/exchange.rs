//! A session token or API key from outside becomes the short-lived signed
//! token that services verify.

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{Context, SHA256};
use contract::identity::{ExchangeTokenRequest, token_service_client::TokenServiceClient};
use http::HeaderValue;
use quick_cache::sync::Cache;
use rpc::headers::{CLIENT_ADDRESS, REQUEST_ID};
use store::Clock;
use tokio::{sync::Mutex, time::Instant};
use tonic::{Code, Request, Status};

use crate::limit::{Caller, Limit};

/// How long an answer of identity is believed, from the moment of asking and
/// never extended: the bound on how late a revocation reaches a caller.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long a failure to answer is passed on before identity is asked again.
const FAILURE_BELIEVED: Duration = Duration::from_millis(100);
/// Tokens remembered. One takes about 1 KiB.
const REMEMBERED: usize = 50_000;

/// The exchange, shared by all threads.
pub(crate) struct Exchange {
    identity: TokenServiceClient<rpc::Channel>,
    clock: Clock,
    slots: Cache<[u8; 32], Arc<Slot>>,
    /// Tokens that are not known, until they prove good, by address: without
    /// this, a fresh false token on every call would be a fresh caller on every
    /// call.
    strangers: Limit,
}

/// What is known about one token in one tenant.
#[derive(Default)]
struct Slot {
    answer: ArcSwapOption<Answer>,
    /// Held by the one who asks; the others wait for that answer.
    asking: Mutex<()>,
}

struct Answer {
    result: Result<HeaderValue, Status>,
    asked: Instant,
    until: Instant,
}

/// Who wants to exchange.
pub(crate) struct Bearer<'request> {
    /// The token.
    pub token: &'request str,
    /// The tenant in which it wants to act; empty: its own.
    pub tenant: &'request str,
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// The id of the request.
    pub request_id: &'request HeaderValue,
}

impl Exchange {
    pub(crate) fn new(identity: rpc::Channel, clock: Clock, strangers: Limit) -> Self {
        Self {
            identity: TokenServiceClient::new(identity),
            clock,
            slots: Cache::new(REMEMBERED),
            strangers,
        }
    }

    /// The `authorization` header for services, or why there is none.
    pub(crate) async fn header(
        &self,
        bearer: &Bearer<'_>,
        at: Option<Caller>,
    ) -> Result<HeaderValue, Status> {
        let (key, arrived) = (key(bearer), self.clock.instant());
        let slot = match self.slots.get(&key) {
            Some(slot) => slot,
            None => self
                .slots
                .get_or_insert_with(&key, || Ok::<_, Status>(Arc::new(Slot::default())))?,
        };
        if let Some(answer) = slot.fresh(&self.clock) {
            return answer.result.clone();
        }
        let _asking = slot.asking.lock().await;
        if let Some(answer) = slot.fresh_for(arrived, &self.clock) {
            return answer.result.clone();
        }
        // Of those who bring one token at once only this one counts.
        self.strangers.pass(at).await?;
        let asked = self.clock.instant();
        let result = self.ask(bearer).await;
        // Where identity did not say no, it may well be a good one.
        let refused = matches!(&result, Err(status) if final_refusal(status.code()));
        if let (Some(at), false) = (at, refused) {
            self.strangers.give_back(at);
        }
        let until = match &result {
            Ok(_) => asked + BELIEVED,
            Err(status) if final_refusal(status.code()) => asked + BELIEVED,
            Err(_) => self.clock.instant() + FAILURE_BELIEVED,
        };
        let answer = Answer {
            result: result.clone(),
            asked,
            until,
        };
        slot.answer.store(Some(Arc::new(answer)));
        result
    }

    async fn ask(&self, bearer: &Bearer<'_>) -> Result<HeaderValue, Status> {
        let mut request = Request::new(ExchangeTokenRequest {
            token: bearer.token.to_owned(),
            tenant: bearer.tenant.to_owned(),
        });
        let metadata = request.metadata_mut().as_mut();
        metadata.insert(REQUEST_ID, bearer.request_id.clone());
        if let Some(value) = bearer.address.and_then(|ip| ip.to_string().try_into().ok()) {
            metadata.insert(CLIENT_ADDRESS, value);
        }
        let jwt = self
            .identity
            .clone()
            .exchange_token(request)
            .await?
            .into_inner()
            .jwt;
        let mut header = HeaderValue::try_from(format!("Bearer {jwt}"))
            .map_err(|_| Status::internal("identity answered a malformed token"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl Slot {
    fn fresh(&self, clock: &Clock) -> Option<Arc<Answer>> {
        self.answer
            .load_full()
            .filter(|answer| clock.instant() < answer.until)
    }

    /// The same for one who waited: what was asked since they came is as good
    /// as their own question, however long the answer took. Without this,
    /// those who wait for a slow answer would ask one after the other.
    fn fresh_for(&self, arrived: Instant, clock: &Clock) -> Option<Arc<Answer>> {
        let answer = self.answer.load_full();
        answer.filter(|answer| arrived <= answer.asked || clock.instant() < answer.until)
    }
}

/// True where asking again at once would get the same refusal.
fn final_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated | Code::PermissionDenied | Code::NotFound | Code::InvalidArgument
    )
}

/// Memory keeps digests, not tokens.
fn key(bearer: &Bearer<'_>) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(bearer.token.as_bytes());
    // A token has no zero byte, so (token, tenant) is unambiguous.
    context.update(&[0]);
    context.update(bearer.tenant.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

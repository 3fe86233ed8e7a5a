//! The token by which a service of the suite proves itself to the others.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use contract::identity::IssueServiceTokenRequest;
use contract::identity::token_service_client::TokenServiceClient;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::{Channel, Error};

/// The service token of this process, fetched when needed and again when half of
/// its time is over.
pub struct ServiceTokens {
    identity: Channel,
    service: &'static str,
    key: SecretString,
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    current: ArcSwapOption<Token>,
    /// One caller fetches; the others go on with what they have.
    fetching: Mutex<()>,
}

struct Token {
    header: HeaderValue,
    /// Unix seconds.
    renew: i64,
    expire: i64,
}

impl ServiceTokens {
    /// For `service`, with the key that the operator gave it. `identity` is a
    /// plain channel, without [`Channel::as_service`]; `now` is the time in Unix
    /// seconds.
    pub fn new(
        identity: Channel,
        service: &'static str,
        key: impl Into<SecretString>,
        now: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (current, fetching) = (ArcSwapOption::empty(), Mutex::new(()));
        Arc::new(Self {
            identity,
            service,
            key: key.into(),
            now: Box::new(now),
            current,
            fetching,
        })
    }

    /// The value of [`crate::headers::SERVICE`].
    pub async fn header(&self) -> Result<HeaderValue, Error> {
        let now = (self.now)();
        if let Some(token) = &*self.current.load() {
            if now < token.renew {
                return Ok(token.header.clone());
            }
            // Still good: whoever is first renews, nobody waits.
            if now < token.expire {
                let Ok(_first) = self.fetching.try_lock() else {
                    return Ok(token.header.clone());
                };
                return Ok(self
                    .fetch(now)
                    .await
                    .unwrap_or_else(|_| token.header.clone()));
            }
        }
        let _first = self.fetching.lock().await;
        match &*self.current.load() {
            Some(token) if now < token.renew => Ok(token.header.clone()),
            _ => self.fetch(now).await,
        }
    }

    async fn fetch(&self, now: i64) -> Result<HeaderValue, Error> {
        let ask = IssueServiceTokenRequest {
            service: self.service.to_owned(),
            key: self.key.expose_secret().to_owned(),
        };
        let reply = TokenServiceClient::new(self.identity.clone())
            .issue_service_token(ask)
            .await?;
        let (_, reply, _) = reply.into_parts();
        let mut header = HeaderValue::try_from(reply.jwt)?;
        header.set_sensitive(true);
        let expire = reply.expire_time.map_or(now, |time| time.seconds);
        let token = Token {
            header: header.clone(),
            renew: now + (expire - now) / 2,
            expire,
        };
        self.current.store(Some(Arc::new(token)));
        Ok(header)
    }
}

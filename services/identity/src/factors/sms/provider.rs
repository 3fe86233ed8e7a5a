//! Whoever takes messages: a provider that speaks HTTP.
//!
//! A message is a POST of `{"to": …, "text": …}` with the id of the message as
//! `idempotency-key`, by which the provider tells a repetition. Redirects are
//! not followed: they would lead the authorization, and the code, elsewhere.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderValue, Method, Request, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rpc::Error;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use uuid::Uuid;

use super::Message;
use crate::Config;

/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The provider of the installation.
pub struct Provider {
    url: Uri,
    authorization: Option<HeaderValue>,
    client: Client<HttpsConnector<HttpConnector>, String>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The provider took it.
    Sent,
    /// Not this time.
    Later,
    /// The provider does not take it, however often it is asked.
    Never,
}

impl Provider {
    /// The one that the flags name; a fault where they make none.
    pub fn new(config: &Config) -> Result<Option<Provider>, Error> {
        let Some(url) = config.sms_url.clone() else {
            return Ok(None);
        };
        let authorization = config.sms_authorization.as_ref().map(|secret| {
            let mut value = HeaderValue::from_str(secret.reveal())
                .map_err(|_| Error::fault("--sms-authorization is no header value"))?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        });
        Ok(Some(Provider {
            url: url.0,
            authorization: authorization.transpose()?,
            client: client()?,
        }))
    }

    /// Hands a message over.
    pub async fn send(&self, id: Uuid, message: &Message) -> Result<Verdict, Error> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("usher/", env!("CARGO_PKG_VERSION")))
            .header("idempotency-key", id.to_string())
            .body(serde_json::to_string(message)?)?;
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        let answer = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        Ok(match answer {
            Ok(Ok(answer)) => judge(answer.status()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the SMS provider does not answer");
                Verdict::Later
            }
            Err(_) => {
                tracing::warn!("the SMS provider takes too long");
                Verdict::Later
            }
        })
    }
}

fn judge(status: StatusCode) -> Verdict {
    match status {
        status if status.is_success() => Verdict::Sent,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Verdict::Later,
        status if status.is_server_error() => Verdict::Later,
        status => {
            tracing::warn!(%status, "the SMS provider refuses a message");
            Verdict::Never
        }
    }
}

fn client() -> Result<Client<HttpsConnector<HttpConnector>, String>, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_for_good_is_not_tried_again() {
        let judged = |code| judge(StatusCode::from_u16(code).expect("a status"));
        for (codes, verdict) in [
            (&[200, 201, 202, 204][..], Verdict::Sent),
            (&[408, 429, 500, 502, 503], Verdict::Later),
            (
                &[301, 302, 307, 308, 400, 401, 403, 404, 422],
                Verdict::Never,
            ),
        ] {
            for code in codes {
                assert_eq!(judged(*code), verdict, "{code}");
            }
        }
    }
}

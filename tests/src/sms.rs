//! An SMS provider: a real HTTP server that takes messages, or does not.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use testkit::until;
use tokio::{net::TcpListener, task::JoinHandle};

/// A message that somebody handed to the provider.
#[derive(Clone, Debug)]
pub struct Sms {
    /// The number.
    pub to: String,
    /// What it says.
    pub text: String,
    /// Where it was posted.
    pub path: String,
    /// What the caller authorized itself with.
    pub authorization: String,
    /// What tells a repetition.
    pub idempotency_key: String,
    /// How it was answered.
    pub status: StatusCode,
}

impl Sms {
    /// The code in it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn code(&self) -> String {
        let code: String = self.text.chars().take(6).collect();
        assert!(
            code.bytes().all(|b| b.is_ascii_digit()),
            "no code: {self:?}"
        );
        code
    }
}

/// A provider that listens on loopback.
pub struct SmsProvider {
    url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Sms>>,
    answers: Mutex<VecDeque<StatusCode>>,
}

impl SmsProvider {
    /// Starts one that takes everything.
    ///
    /// # Panics
    /// When it cannot listen.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Self {
            url: format!("http://{address}/send"),
            shared,
            serving,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers the next messages so, and takes those after them.
    ///
    /// # Panics
    /// When one is no HTTP status.
    pub fn answer(&self, statuses: &[u16]) {
        let statuses = statuses
            .iter()
            .map(|status| StatusCode::from_u16(*status).expect("a status"));
        lock(&self.shared.answers).extend(statuses);
    }

    /// All that it was handed, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Sms> {
        lock(&self.shared.received).clone()
    }

    /// Waits until it has taken so many messages, and answers the last.
    pub async fn taken(&self, count: usize) -> Sms {
        until("a message to a phone", || async {
            let mut taken = self.received();
            taken.retain(|sms| sms.status.is_success());
            taken.into_iter().nth(count.saturating_sub(1))
        })
        .await
    }
}

impl Drop for SmsProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        let answer = service_fn(move |request| take(shared.clone(), request));
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            // Whoever hangs up has got their answer.
            let _ = connection
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn take(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Empty<bytes::Bytes>>, Infallible> {
    let header = |name: &str| {
        let value = request.headers().get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let (authorization, idempotency_key) = (header("authorization"), header("idempotency-key"));
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| sent[name].as_str().unwrap_or_default().to_owned();
    let status = lock(&shared.answers).pop_front().unwrap_or(StatusCode::OK);
    lock(&shared.received).push(Sms {
        to: text("to"),
        text: text("text"),
        path,
        authorization,
        idempotency_key,
        status,
    });
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = status;
    if status.is_redirection() {
        let elsewhere = http::HeaderValue::from_static("/elsewhere");
        answer.headers_mut().insert("location", elsewhere);
    }
    Ok(answer)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

//! B-1: nobody learns from an answer, or from the work behind it, who exists.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use contract::identity::{
    LoginRequest, RequestPasswordResetRequest, login_service_client::LoginServiceClient,
};
use prost::Message as _;
use testkit::{Client, call_raw, refusal};
use tonic::Status;
use tracing::field::{Field, Visit};
use tracing_subscriber::{Layer, layer::SubscriberExt as _, registry::LookupSpan};
use usher_tests::{Suite, password, suite::MANY_ATTEMPTS};

const LOGIN: &str = "/usher.identity.v1.LoginService/Login";
const RESET: &str = "/usher.identity.v1.LoginService/RequestPasswordReset";

/// How many pairs are compared: a hundred, or as many as `USHER_PAIRS` says (the
/// bar is 5,000, which is a matter of minutes).
#[expect(clippy::disallowed_methods, reason = "a run by hand asks for more")]
fn pairs() -> usize {
    let asked = std::env::var("USHER_PAIRS").ok();
    asked.and_then(|pairs| pairs.parse().ok()).unwrap_or(100)
}

fn wrong_login(tenant: &str, username: &str) -> Vec<u8> {
    let ask = LoginRequest {
        tenant: tenant.into(),
        username: username.into(),
        password: "a wrong password".into(),
        ..Default::default()
    };
    ask.encode_to_vec()
}

/// All that an answer consists of, but for what numbers the request.
async fn answer(client: &Client, method: &'static str, ask: Vec<u8>) -> String {
    loop {
        match call_raw(client, method, ask.clone()).await {
            Ok(reply) => return format!("ok {reply:?}"),
            // As many passwords as there can be are hashed: a client comes back.
            Err(status) if refusal(&status).retry => {}
            Err(status) => return refused(&status),
        }
    }
}

fn refused(status: &Status) -> String {
    let mut names: Vec<_> = status
        .metadata()
        .keys()
        .map(|key| format!("{key:?}"))
        .collect();
    names.sort();
    format!(
        "{:?} {:?} {:?} {names:?}",
        status.code(),
        status.message(),
        status.details()
    )
}

#[tokio::test]
async fn b_01_answers_are_alike_for_known_and_unknown_names() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    acme.user("known@acme.example", &password()).await;
    let anyone = suite.anyone();
    // Before the lock, when it comes, and long after.
    for pair in 0..pairs() {
        let known = answer(&anyone, LOGIN, wrong_login("acme", "known@acme.example")).await;
        let unknown = answer(&anyone, LOGIN, wrong_login("acme", "never@acme.example")).await;
        assert_eq!(known, unknown, "pair {pair} of logins");
    }
    for pair in 0..pairs() {
        let ask = |username: &str| {
            let ask = RequestPasswordResetRequest {
                tenant: "acme".into(),
                username: username.into(),
            };
            ask.encode_to_vec()
        };
        let known = answer(&anyone, RESET, ask("known@acme.example")).await;
        let unknown = answer(&anyone, RESET, ask("never@acme.example")).await;
        assert_eq!(known, unknown, "pair {pair} of resets");
    }
    suite.stop().await;
}

/// The queries of logins, as the database driver tells them.
#[derive(Clone, Default)]
struct Queries(Arc<Mutex<Vec<String>>>);

impl Queries {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a span is that of a login.
struct OfLogin(bool);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Queries {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        id: &tracing::span::Id,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let mut method = Text::of("rpc.method");
        attributes.record(&mut method);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(OfLogin(method.is("Login")));
        }
    }

    fn on_event(
        &self,
        event: &tracing::Event<'_>,
        context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let login = context.event_scope(event).is_some_and(|mut spans| {
            spans.any(|span| span.extensions().get::<OfLogin>().is_some_and(|of| of.0))
        });
        if login {
            let mut summary = Text::of("summary");
            event.record(&mut summary);
            let mut queries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queries.push(summary.value);
        }
    }
}

/// One field of a span or an event.
struct Text {
    name: &'static str,
    value: String,
}

impl Text {
    fn of(name: &'static str) -> Text {
        Text {
            name,
            value: String::new(),
        }
    }

    fn is(&self, value: &str) -> bool {
        self.value.trim_matches('"') == value
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == self.name {
            self.value = format!("{value:?}");
        }
    }
}

/// The clocks of a test do not see what a stopwatch sees over a network, so what
/// is compared is the work: the same queries, in the same order.
#[tokio::test]
async fn b_01_the_work_is_alike_for_known_and_unknown_names() {
    let queries = Queries::default();
    let levels = tracing_subscriber::filter::Targets::new()
        .with_target("rpc", tracing::Level::DEBUG)
        .with_target("sqlx", tracing::Level::DEBUG);
    let subscriber = tracing_subscriber::registry().with(queries.clone().with_filter(levels));
    // With one subscriber alone, what other threads come by first is believed to
    // be of interest to nobody.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    // The suite works on the thread of its test, and each test has its own.
    let _heard = tracing::subscriber::set_default(subscriber);
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    acme.user("known@acme.example", &password()).await;
    let anyone = suite.anyone();
    queries.take();
    // Wrong answers, the one that locks, and answers to a lock.
    for round in 1..=12 {
        let mut seen = Vec::new();
        for (tenant, username) in [
            ("acme", "known@acme.example"),
            ("acme", "never@acme.example"),
            ("nowhere", "known@acme.example"),
        ] {
            answer(&anyone, LOGIN, wrong_login(tenant, username)).await;
            seen.push(queries.take());
        }
        assert!(!seen[0].is_empty(), "no query was seen");
        // Who is locked is told of; nobody can tell that from the answer before.
        assert_eq!(seen[0], seen[1], "round {round}: an unknown name");
        assert_eq!(seen[0], seen[2], "round {round}: an unknown tenant");
    }
    suite.stop().await;
}

/// Welch's t-test over the latencies of pairs; below 4.5 nothing leaks that could
/// be measured. By hand, on a machine with nothing else to do.
#[tokio::test]
#[ignore = "measures time: by hand, with USHER_PAIRS=5000 and nothing else running"]
async fn b_01_time_is_alike_for_known_and_unknown_names() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for at in 0..pairs().div_ceil(5) {
        let (real, none) = (
            format!("real{at}@acme.example"),
            format!("none{at}@acme.example"),
        );
        acme.user(&real, &password()).await;
        for _ in 0..5 {
            known.push(timed(&anyone, &real).await);
            unknown.push(timed(&anyone, &none).await);
        }
        // An address has a hundred wrong answers in a quarter of an hour.
        if at % 9 == 8 {
            suite.time().advance(std::time::Duration::from_mins(16));
        }
    }
    let t = welch(&known, &unknown);
    assert!(t.abs() < 4.5, "t = {t:.2} over {} pairs", known.len());
    suite.stop().await;
}

async fn timed(anyone: &Client, username: &str) -> f64 {
    let ask = LoginRequest {
        tenant: "acme".into(),
        username: username.into(),
        password: "a wrong password".into(),
        ..Default::default()
    };
    let begun = Instant::now();
    let mut logins = LoginServiceClient::new(anyone.clone());
    logins
        .login(ask)
        .await
        .expect_err("a wrong password was right");
    begun.elapsed().as_secs_f64()
}

fn welch(one: &[f64], other: &[f64]) -> f64 {
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let spread = |all: &[f64]| {
        let mean = mean(all);
        let squares: f64 = all.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (all.len() as f64 - 1.0) / all.len() as f64
    };
    (mean(one) - mean(other)) / (spread(one) + spread(other)).sqrt()
}

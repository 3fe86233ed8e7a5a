//! Asks again where the callee was away and asking twice does no harm.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::{Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};

use super::Channel;
use crate::{body, headers};

/// Retries are a tenth of all calls at most, so that a callee in trouble gets
/// little more work than one without (the bound of gRPC's retry throttling).
#[derive(Debug)]
pub struct Budget(AtomicU32);

impl Budget {
    /// The price of a retry; each call pays in 1.
    const PRICE: u32 = 10;
    /// Ten retries can be saved up.
    const MOST: u32 = 100;

    fn pay_in(&self) {
        if self.0.load(Ordering::Relaxed) < Self::MOST {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(&self) -> bool {
        let take = |saved: u32| saved.checked_sub(Self::PRICE);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(Self::MOST))
    }
}

/// Sends the request up to three times, as long as the deadline allows.
pub async fn repeat(
    channel: &Channel,
    request: Request<Body>,
    deadline: Option<Instant>,
) -> Result<Response<Body>, Status> {
    let (parts, body) = request.into_parts();
    let body = body::read(body).await?;
    channel.retries.pay_in();
    let mut waits = waits();
    loop {
        let again = Request::from_parts(parts.clone(), body::again(body.clone()));
        let answer = channel.once(again, deadline).await;
        if !is_away(&answer) {
            return answer;
        }
        let Some(wait) = waits.next() else {
            return answer;
        };
        let in_time = deadline.is_none_or(|deadline| Instant::now() + wait < deadline);
        if !in_time || !channel.retries.take() {
            return answer;
        }
        tokio::time::sleep(wait).await;
    }
}

/// Twice, after about 25 ms and 50 ms; the jitter keeps callers from coming back
/// all at once.
fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(25))
        .with_max_times(2)
        .with_jitter()
        .build()
}

fn is_away(answer: &Result<Response<Body>, Status>) -> bool {
    match answer {
        Ok(response) => response
            .headers()
            .get(headers::STATUS)
            .is_some_and(|code| code == "14"),
        Err(status) => status.code() == Code::Unavailable,
    }
}

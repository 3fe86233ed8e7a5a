//! A storm of logins, twenty times what the machine can: what becomes of it,
//! and of those who only validate sessions meanwhile.
//!
//! Calls are sent at their times whatever became of the earlier ones, and their
//! latency counts from those times: who is late is not left out.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use contract::identity::{
    LoginRequest, ValidateSessionRequest, login_response, login_service_client::LoginServiceClient,
    session_service_client::SessionServiceClient,
};
use testkit::{Client, refusal};
use tokio::task::JoinSet;

use crate::{
    Flags,
    fleet::{Fleet, LOGINS},
    logins::logins,
    table::{Row, Table, median},
};

/// How much more than the machine can.
const STORM: f64 = 20.0;
/// Sessions validated per second beside it.
const VALIDATIONS: f64 = 500.0;
/// How soon those who are too many should hear it.
const SOON: Duration = Duration::from_millis(50);

/// What became of one call.
struct Answer {
    took: Duration,
    outcome: Outcome,
}

#[derive(PartialEq)]
enum Outcome {
    Done,
    /// Refused, and told when to come back.
    Later,
    Failed,
}

/// A storm of logins beside the same machine at rest.
pub async fn measure(fleet: &Fleet, flags: &Flags, table: &mut Table) -> Result<()> {
    const NAMES: [&str; 3] = [
        "storm of 20 x the logins: p99 of ValidateSession",
        "storm of 20 x the logins: excess refused within 50 ms",
        "storm of 20 x the logins: logins completed",
    ];
    if !NAMES.iter().any(|name| table.wants(name)) {
        return Ok(());
    }
    let time = Duration::from_secs(flags.seconds);
    let mut figures: [Vec<f64>; 6] = Default::default();
    for _ in 0..flags.rounds {
        let round = round(fleet, time).await?;
        for (all, figure) in figures.iter_mut().zip(round) {
            all.push(figure);
        }
    }
    let [stormy, rest, refused, excess, done, capacity] = figures.map(median);
    let mut add = |name: &str, ours, reference, reference_name, goal, unit| {
        table.add(Row {
            name: name.into(),
            ours,
            reference,
            reference_name,
            goal,
            unit,
        });
    };
    add(NAMES[0], stormy, rest, "the same at rest", "<= 2", "µs");
    add(NAMES[1], refused, excess, "all excess", ">= 0.99", "1/s");
    add(
        NAMES[2],
        done,
        capacity,
        "logins without a storm",
        ">= 0.9",
        "1/s",
    );
    Ok(())
}

async fn round(fleet: &Fleet, time: Duration) -> Result<[f64; 6]> {
    let capacity = logins(fleet, time).await?;
    let rest = p99(&validations(fleet, time).await?)?;
    let (answers, validated) = tokio::try_join!(
        storm(fleet, capacity * STORM, time),
        validations(fleet, time)
    )?;
    let seconds = time.as_secs_f64();
    let count = |which: &dyn Fn(&&Answer) -> bool| answers.iter().filter(which).count() as f64;
    let done = count(&|answer| answer.outcome == Outcome::Done);
    let soon = count(&|answer| answer.outcome == Outcome::Later && answer.took <= SOON);
    let excess = answers.len() as f64 - done;
    // Those who wait when the storm ends are let in after it.
    let tail = answers.iter().map(|answer| answer.took).max();
    let whole = seconds + tail.unwrap_or_default().as_secs_f64();
    Ok([
        p99(&validated)?,
        rest,
        soon / seconds,
        excess / seconds,
        done / whole,
        capacity,
    ])
}

async fn storm(fleet: &Fleet, rate: f64, time: Duration) -> Result<Vec<Answer>> {
    let anyone = Client::new(fleet.gateway.channel());
    paced(rate, time, |number| {
        let mut client = LoginServiceClient::new(anyone.clone());
        let (username, password) = fleet.people[number % LOGINS].clone();
        async move {
            let ask = LoginRequest {
                tenant: "bench".into(),
                username,
                password,
                ..Default::default()
            };
            match client.login(ask).await {
                Ok(reply) => match reply.into_inner().outcome {
                    Some(login_response::Outcome::Session(_)) => Outcome::Done,
                    _ => Outcome::Failed,
                },
                Err(status) if refusal(&status).retry => Outcome::Later,
                Err(_) => Outcome::Failed,
            }
        }
    })
    .await
}

async fn validations(fleet: &Fleet, time: Duration) -> Result<Vec<Answer>> {
    let client = SessionServiceClient::new(fleet.identity.channel());
    paced(VALIDATIONS, time, |_| {
        let mut client = client.clone();
        let session_token = fleet.session_token.clone();
        async move {
            let ask = ValidateSessionRequest { session_token };
            match client.validate_session(ask).await {
                Ok(_) => Outcome::Done,
                Err(_) => Outcome::Failed,
            }
        }
    })
    .await
}

/// Makes calls at a steady rate, each at its time.
async fn paced<F>(rate: f64, time: Duration, call: impl Fn(usize) -> F) -> Result<Vec<Answer>>
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for number in 0.. {
        let due = Duration::from_secs_f64(number as f64 / rate);
        if due >= time {
            break;
        }
        tokio::time::sleep_until((begun + due).into()).await;
        let answer = call(number);
        calls.spawn(async move {
            let outcome = answer.await;
            let took = begun.elapsed().saturating_sub(due);
            Answer { took, outcome }
        });
    }
    Ok(calls.join_all().await)
}

/// The latency that 99 of 100 stay under, in µs; a failed call is an error.
fn p99(answers: &[Answer]) -> Result<f64> {
    anyhow::ensure!(
        answers.iter().all(|answer| answer.outcome == Outcome::Done),
        "a session was not validated"
    );
    let mut took: Vec<_> = answers.iter().map(|answer| answer.took).collect();
    took.sort_unstable();
    let at = took.len().saturating_sub(1) * 99 / 100;
    let p99 = took.get(at).context("no session was validated")?;
    Ok(p99.as_secs_f64() * 1e6)
}

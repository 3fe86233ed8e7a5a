//! The calls that a platform makes all day, beside a plain echo.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use contract::authorization::CheckRequest;
use contract::identity::{
    IssueServiceTokenRequest, ValidateSessionRequest, token_service_client::TokenServiceClient,
};
use testkit::Client;
use usher_tests::process::Process;

use crate::{
    Flags, echo,
    fire::{Shot, Volley, fire},
    fleet::Fleet,
    table::{Row, Table, median},
};

/// What is measured: a name, the server that takes the call, and all servers
/// whose processor time it costs.
struct Subject<'a> {
    name: &'static str,
    address: SocketAddr,
    servers: Vec<&'a Process>,
    shot: Arc<Shot>,
    goals: [&'static str; 2],
}

/// `Check` and `ValidateSession`, direct and through the gateway.
pub async fn measure(fleet: &Fleet, flags: &Flags, table: &mut Table) -> Result<()> {
    let echo = echo::start()?;
    echo.ready().await;
    let reference = Subject {
        name: "echo",
        address: echo.address(),
        servers: vec![&echo],
        shot: Arc::new(echo::shot()?),
        goals: ["", ""],
    };
    for subject in subjects(fleet).await? {
        if table.wants(subject.name) {
            compare(&subject, &reference, flags, table).await?;
        }
    }
    Ok(())
}

async fn subjects(fleet: &Fleet) -> Result<Vec<Subject<'_>>> {
    let checks: Vec<_> = fleet
        .user_ids
        .iter()
        .map(|id| CheckRequest {
            user_id: id.clone(),
            permission: "projects.view".into(),
            ..Default::default()
        })
        .collect();
    let validate = [ValidateSessionRequest {
        session_token: fleet.session_token.clone(),
    }];
    let as_service = [
        ("usher-service", service_token(fleet).await?),
        ("usher-tenant", fleet.tenant_id.clone()),
        ("usher-actor", fleet.admin_id.clone()),
        ("usher-home", fleet.tenant_id.clone()),
    ];
    let as_admin = [("authorization", format!("Bearer {}", fleet.session_token))];
    let check = "/usher.authorization.v1.AccessService/Check";
    let session = "/usher.identity.v1.SessionService/ValidateSession";
    Ok(vec![
        Subject {
            name: "Check warm",
            address: fleet.authorization.address(),
            servers: vec![&fleet.authorization],
            shot: Arc::new(Shot::new(check, &as_service, &checks)?),
            goals: [">= 0.8", "<= 1.3"],
        },
        Subject {
            name: "ValidateSession warm",
            address: fleet.identity.address(),
            servers: vec![&fleet.identity],
            shot: Arc::new(Shot::new(session, &[], &validate)?),
            goals: [">= 0.8", "<= 1.25"],
        },
        Subject {
            name: "Check warm through the gateway",
            address: fleet.gateway.address(),
            servers: vec![&fleet.gateway, &fleet.authorization],
            shot: Arc::new(Shot::new(check, &as_admin, &checks)?),
            goals: ["", ""],
        },
        Subject {
            name: "ValidateSession warm through the gateway",
            address: fleet.gateway.address(),
            servers: vec![&fleet.gateway, &fleet.identity],
            shot: Arc::new(Shot::new(session, &[], &validate)?),
            goals: ["", ""],
        },
    ])
}

async fn service_token(fleet: &Fleet) -> Result<String> {
    let mut tokens = TokenServiceClient::new(Client::new(fleet.identity.channel()));
    let ask = IssueServiceTokenRequest {
        service: "importer".into(),
        key: fleet.service_key.clone(),
    };
    Ok(tokens
        .issue_service_token(ask)
        .await
        .context("a service token")?
        .into_inner()
        .jwt)
}

/// One measurement: the volley, and µs of server processor time per call.
async fn shoot(subject: &Subject<'_>, time: Duration) -> Result<(Volley, f64)> {
    let used = || {
        subject
            .servers
            .iter()
            .map(|server| server.cpu())
            .sum::<Result<Duration>>()
    };
    let before = used()?;
    let volley = fire(subject.address, &subject.shot, time)
        .await
        .with_context(|| subject.name.to_owned())?;
    let cost = used()?.checked_sub(before).unwrap().as_secs_f64() * 1e6 / volley.calls as f64;
    Ok((volley, cost))
}

/// Reads one figure of a measurement.
type Read = fn(&(Volley, f64)) -> f64;

async fn compare(
    subject: &Subject<'_>,
    reference: &Subject<'_>,
    flags: &Flags,
    table: &mut Table,
) -> Result<()> {
    let time = Duration::from_secs(flags.seconds);
    shoot(subject, Duration::from_secs(1)).await?;
    let (mut ours, mut echo) = (Vec::new(), Vec::new());
    for _ in 0..flags.rounds {
        ours.push(shoot(subject, time).await?);
        echo.push(shoot(reference, time).await?);
    }
    let figures: [(&str, &'static str, &'static str, Read); 4] = [
        ("requests per second", "1/s", subject.goals[0], |one| {
            one.0.per_second
        }),
        ("server CPU per request", "µs", subject.goals[1], |one| {
            one.1
        }),
        ("p50", "µs", "", |one| one.0.p50),
        ("p99", "µs", "", |one| one.0.p99),
    ];
    for (what, unit, goal, read) in figures {
        table.add(Row {
            name: format!("{}: {what}", subject.name),
            ours: median(ours.iter().map(read).collect()),
            reference: median(echo.iter().map(read).collect()),
            reference_name: "tonic echo",
            goal,
            unit,
        });
    }
    Ok(())
}

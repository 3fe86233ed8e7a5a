//! Whether a service can do its work: for load balancers (`grpc.health.v1`)
//! and for the operator's port.

use std::{future::Future, time::Duration};

use tokio::sync::watch;
use tonic_health::{
    ServingStatus,
    pb::{
        HealthCheckRequest, health_check_response, health_client::HealthClient,
        health_server::HealthServer,
    },
    server::{HealthReporter, HealthService},
};

use crate::Tasks;

/// How often a service is asked for its health, and how long it may take.
const BEAT: Duration = Duration::from_secs(1);

/// The health of some gRPC services that are well or ill together.
pub(crate) struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
    serving: watch::Sender<bool>,
}

/// The gRPC service that tells what the reporter was told.
pub(crate) fn server(reporter: &HealthReporter) -> HealthServer<HealthService> {
    HealthServer::new(HealthService::from_health_reporter(reporter.clone()))
}

impl Health {
    /// The health of these names; the empty name stands for all of a process.
    /// Nothing serves until the first beat.
    pub fn of(reporter: &HealthReporter, names: Vec<&'static str>) -> Self {
        Self {
            reporter: reporter.clone(),
            names,
            serving: watch::Sender::new(false),
        }
    }

    /// True while they serve.
    pub fn serving(&self) -> watch::Receiver<bool> {
        self.serving.subscribe()
    }

    /// Says what `probe` says, beat by beat; "not serving" from the moment the
    /// process begins to leave.
    pub async fn follow<P>(self, tasks: Tasks, probe: impl Fn() -> P + Send)
    where
        P: Future<Output = bool> + Send,
    {
        let (leaving, stopping) = (tasks.leaving(), tasks.stopping());
        let mut told = None;
        loop {
            let up = !leaving.is_cancelled()
                && tokio::time::timeout(BEAT, probe()).await.unwrap_or(false);
            if told != Some(up) {
                told = Some(up);
                self.tell(up).await;
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = leaving.cancelled(), if up => {}
                () = tokio::time::sleep(BEAT) => {}
            }
        }
    }

    async fn tell(&self, up: bool) {
        let status = if up {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
        self.serving.send_replace(up);
    }
}

/// Asks another service whether it serves.
pub(crate) async fn ask(peer: rpc::Channel) -> bool {
    let mut client = HealthClient::new(peer);
    let whole = HealthCheckRequest {
        service: String::new(),
    };
    client.check(whole).await.is_ok_and(|answer| {
        answer.into_inner().status() == health_check_response::ServingStatus::Serving
    })
}

//! The gateway's side: what it stands on, and the health of all behind it.

use std::process::ExitCode;

use rpc::{BoxedService, Error};
use store::Clock;
use tokio::sync::watch;
use tonic_health::server::HealthReporter;

use crate::{
    CallArgs, Known, PeerArgs, Peers, ProcessArgs, Redis, RedisArgs, Serving, Tasks,
    alone::remote,
    health::{Health, ask},
    mount::stack,
    places::{SERVICES, grpc_services},
    process,
    protocols::{Callers, Protocols},
};

/// The gateway's name, in logs and tokens.
pub(crate) const GATEWAY: &str = "gateway";

/// What a process before the services stands on: it keeps no data.
#[derive(Clone)]
pub struct Edge {
    /// The services.
    pub peers: Peers,
    /// A hint that may be down, or not there at all.
    pub redis: Option<Redis>,
    /// The bounds of calls.
    pub calls: CallArgs,
    /// The time.
    pub clock: Clock,
    /// Background work.
    pub tasks: Tasks,
}

/// The flags of such a process.
#[derive(Clone, Debug)]
pub struct EdgeArgs {
    /// The bounds of calls.
    pub calls: CallArgs,
    /// Redis.
    pub redis: RedisArgs,
    /// The services.
    pub peers: PeerArgs,
}

/// Runs the gateway in a process of its own; `open` makes what answers.
#[must_use]
pub fn edge(
    process: &ProcessArgs,
    args: EdgeArgs,
    open: impl FnOnce(&Edge) -> BoxedService,
) -> ExitCode {
    let redis = match args.redis.open() {
        Ok(redis) => redis,
        Err(problem) => return problem.exit(),
    };
    process::run(GATEWAY, process, async move |tasks| {
        let clock = Clock::system();
        let known = remote(&args.peers, GATEWAY, &clock);
        let edge = Edge {
            peers: known.peers.clone(),
            redis,
            calls: args.calls,
            clock,
            tasks,
        };
        let (service, serving) = front(&edge, known, open)?;
        Ok(Serving {
            service,
            parts: vec![serving],
        })
    })
}

/// Puts the stack, reflection, and the health of the whole suite before what
/// `open` makes.
///
/// The operator's port calls the gateway ready by itself: one service away is
/// no reason to take away the others. `grpc.health.v1` tells of each service,
/// and by the empty name of all together.
pub(crate) fn front(
    edge: &Edge,
    known: Known,
    open: impl FnOnce(&Edge) -> BoxedService,
) -> Result<(BoxedService, watch::Receiver<bool>), Error> {
    let reporter = HealthReporter::new();
    let behind_us = known.plain.clone();
    // Without the access layer: the services behind ask the contract.
    let stack = stack(GATEWAY, false, &edge.calls, known, &edge.clock);
    let service = rpc::stack(open(edge), stack);
    let service = Protocols::before(service, &reporter, Callers::Strangers)?;
    let mut behind = Vec::new();
    for name in SERVICES {
        let Some(peer) = behind_us.of(name).cloned() else {
            continue;
        };
        let health = Health::of(&reporter, grpc_services(name));
        behind.push(health.serving());
        let tasks = edge.tasks.clone();
        edge.tasks
            .spawn("health", health.follow(tasks, move || ask(peer.clone())));
    }
    let whole = Health::of(&reporter, vec![""]);
    let all = move || std::future::ready(behind.iter().all(|part| *part.borrow()));
    edge.tasks
        .spawn("health", whole.follow(edge.tasks.clone(), all));
    Ok((service, watch::Sender::new(true).subscribe()))
}

//! One process from its start to a graceful exit.

use std::{future::Future, pin::pin, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::{Semaphore, oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{ProcessArgs, Tasks, listen, listen::Port, ops, telemetry::Telemetry};

/// How long background work is given to reach a checkpoint at exit.
const WORK: Duration = Duration::from_secs(10);
/// How often the parts are asked whether the whole is ready.
const GLANCE: Duration = Duration::from_millis(200);

/// What a process serves.
pub struct Serving {
    /// What answers the calls that come in at the port.
    pub service: rpc::BoxedService,
    /// The process is ready while all of these say so.
    pub parts: Vec<watch::Receiver<bool>>,
}

/// Runs a process called `name`: telemetry, ports, `start`, calls until a
/// signal, and the way out.
///
/// SIGTERM or SIGINT: not ready → wait (`--drain-wait-seconds`) → accept no
/// more and GOAWAY → drain (`--drain-seconds`) → stop background work → exit 0.
/// A second signal ends the process at once.
pub fn run<S>(name: &'static str, args: &ProcessArgs, start: impl FnOnce(Tasks) -> S) -> ExitCode
where
    S: Future<Output = Result<Serving, rpc::Error>>,
{
    match attempt(name, args, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn attempt<S>(
    name: &'static str,
    args: &ProcessArgs,
    start: impl FnOnce(Tasks) -> S,
) -> anyhow::Result<()>
where
    S: Future<Output = Result<Serving, rpc::Error>>,
{
    // Fails only where it is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let background = Builder::new_multi_thread()
        .thread_name("background")
        .enable_all()
        .build()
        .context("the background runtime")?;
    let inside = background.enter();
    let telemetry = Telemetry::start(name, args).context("starting logs and metrics")?;
    let outcome = background.block_on(live(name, args, &telemetry, start));
    if let Err(error) = &outcome {
        tracing::error!(error = format!("{error:#}"), "the process fails");
    }
    telemetry.flush();
    drop(inside);
    background.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn live<S>(
    name: &'static str,
    args: &ProcessArgs,
    telemetry: &Telemetry,
    start: impl FnOnce(Tasks) -> S,
) -> anyhow::Result<()>
where
    S: Future<Output = Result<Serving, rpc::Error>>,
{
    let mut signals = Signals::listen()?;
    let ops = ops::open(args.ops_listen)
        .with_context(|| format!("--ops-listen (USHER_OPS_LISTEN) {}", args.ops_listen))?;
    let listeners = listen::open(args.listen, args.rpc_threads())
        .with_context(|| format!("--listen (USHER_LISTEN) {}", args.listen))?;
    let (at, ops_at) = (listeners[0].local_addr()?, ops.local_addr()?);
    let (ready, is_ready) = watch::channel(false);
    let metrics = telemetry.registry.clone();
    tokio::spawn(ops::serve(
        ops,
        ops::Ops {
            metrics,
            ready: is_ready,
        },
    ));

    let tasks = Tasks::held();
    let serving = tokio::select! {
        serving = start(tasks.clone()) => serving.map_err(|error| anyhow::anyhow!("{error:?}"))?,
        () = signals.next() => {
            tasks.stop(WORK).await;
            return Ok(());
        }
    };
    tasks.begin();
    let mut threads = Threads::start(listeners, serving.service, args)?;
    tokio::spawn(readiness(serving.parts, tasks.clone(), ready));
    tracing::info!(service = name, listen = %at, ops = %ops_at, "serving");

    let failed = tokio::select! {
        () = signals.next() => None,
        failed = threads.failed() => Some(failed),
    };
    tracing::info!("leaving");
    tokio::select! {
        () = leave(threads, &tasks, args) => {}
        () = signals.next() => {
            tracing::warn!("second signal: leaving at once");
            at_once();
        }
    }
    failed.map_or(Ok(()), Err)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a second signal asks to leave nothing to wait for"
)]
fn at_once() -> ! {
    // 128 and SIGINT, as shells count.
    std::process::exit(130)
}

async fn leave(mut threads: Threads, tasks: &Tasks, args: &ProcessArgs) {
    tasks.leave();
    tokio::time::sleep(args.drain_wait()).await;
    threads.drain(Duration::from_secs(args.drain_seconds)).await;
    tasks.stop(WORK).await;
    // Only now: connections to Postgres that a thread opened are driven by
    // that thread, and background work may have used them until here.
    threads.end();
    tracing::info!("left");
}

/// Tells the operator's port whether all parts serve.
async fn readiness(parts: Vec<watch::Receiver<bool>>, tasks: Tasks, ready: watch::Sender<bool>) {
    loop {
        let all = parts.iter().all(|part| *part.borrow()) && !tasks.leaving().is_cancelled();
        ready.send_if_modified(|told| std::mem::replace(told, all) != all);
        tokio::time::sleep(GLANCE).await;
    }
}

struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate()).context("SIGTERM")?,
            int: signal(SignalKind::interrupt()).context("SIGINT")?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// The threads that answer calls, each with a runtime of its own.
struct Threads {
    port: Port,
    /// One per thread: done serving, or why it failed.
    served: FuturesUnordered<oneshot::Receiver<std::io::Result<()>>>,
    /// Cancelled: the threads may end.
    end: CancellationToken,
}

impl Threads {
    fn start(
        listeners: Vec<std::net::TcpListener>,
        service: rpc::BoxedService,
        args: &ProcessArgs,
    ) -> anyhow::Result<Self> {
        let connections = usize::try_from(args.http2.max_connections).unwrap_or(usize::MAX);
        let port = Port {
            service,
            http2: Arc::new(args.http2.clone()),
            connections: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        let threads = Self {
            port,
            served: FuturesUnordered::new(),
            end: CancellationToken::new(),
        };
        for (number, listener) in listeners.into_iter().enumerate() {
            let (tell, served) = oneshot::channel();
            let (port, end) = (threads.port.clone(), threads.end.clone());
            let runtime = Builder::new_current_thread().enable_all().build()?;
            std::thread::Builder::new()
                .name(format!("rpc-{number}"))
                .spawn(move || {
                    runtime.block_on(async move {
                        let outcome = listen::serve(listener, port).await;
                        let _ = tell.send(outcome);
                        end.cancelled().await;
                    });
                })?;
            threads.served.push(served);
        }
        Ok(threads)
    }

    /// Ends when a thread ends before it was told to.
    async fn failed(&mut self) -> anyhow::Error {
        match self.served.next().await {
            Some(Ok(Err(error))) => anyhow::Error::new(error).context("a thread failed to serve"),
            _ => anyhow::anyhow!("a thread that answers calls ended"),
        }
    }

    /// Accepts no more, and waits for the calls in flight, at most `deadline`;
    /// what still runs then is cut off.
    async fn drain(&mut self, deadline: Duration) {
        self.port.stop.cancel();
        let served = &mut self.served;
        let mut all = pin!(async { while served.next().await.is_some() {} });
        if timeout(deadline, all.as_mut()).await.is_err() {
            tracing::warn!("calls still ran at the deadline and are cut off");
            self.port.cut.cancel();
            let _ = timeout(Duration::from_secs(1), all).await;
        }
    }

    fn end(self) {
        self.end.cancel();
    }
}

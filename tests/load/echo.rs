//! The reference: a plain tonic echo (four strings in, a bool out) without any
//! layer of ours, on the same port and runtimes as every Usher process.

use std::{
    convert::Infallible,
    future::{Future, ready},
    net::SocketAddr,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::{Result, bail};
use clap::Parser;
use http::{Request, Response};
use tokio::sync::watch;
use tonic::{Status, body::Body, server::UnaryService};
use tonic_prost::ProstCodec;
use tower_service::Service;
use usher_tests::process::Process;

use crate::fire::Shot;

/// As large as a `Check`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EchoRequest {
    #[prost(string, tag = "1")]
    user_id: String,
    #[prost(string, tag = "2")]
    permission: String,
    #[prost(string, tag = "3")]
    project_id: String,
    #[prost(string, tag = "4")]
    at_least_revision: String,
}

/// As large as a decision.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EchoResponse {
    #[prost(bool, tag = "1")]
    allowed: bool,
}

/// What the load sends it.
pub fn shot() -> Result<Shot> {
    let message = EchoRequest {
        user_id: uuid::Uuid::new_v4().to_string(),
        permission: "projects.view".into(),
        ..Default::default()
    };
    Shot::new("/bench.Echo/Echo", &[], &[message])
}

/// Starts it as a process of its own, like every server that is measured.
pub fn start() -> Result<Process> {
    let log = std::env::temp_dir().join("usher-bench-echo.log");
    Process::start("bench", &["echo".to_owned()], &log)
}

/// Serves until killed.
pub fn serve(listen: SocketAddr) -> Result<()> {
    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        process: boot::ProcessArgs,
    }
    let listen = listen.to_string();
    let line = [
        "echo",
        "--listen",
        &listen,
        "--ops-listen",
        "127.0.0.1:0",
        "--log-format",
        "text",
        "--log",
        "warn",
    ];
    let args = Only::try_parse_from(line)?.process;
    let code = boot::run("echo", &args, |_tasks| {
        let (_, serving) = watch::channel(true);
        let service = rpc::BoxedService::new(Echo);
        ready(Ok(boot::Serving {
            service,
            parts: vec![serving],
        }))
    });
    if code == ExitCode::SUCCESS {
        Ok(())
    } else {
        bail!("the echo failed")
    }
}

#[derive(Clone)]
struct Echo;

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = ProstCodec::<EchoResponse, EchoRequest>::default();
            Ok(tonic::server::Grpc::new(codec).unary(Answer, request).await)
        })
    }
}

struct Answer;

impl UnaryService<EchoRequest> for Answer {
    type Response = EchoResponse;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<EchoResponse>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<EchoRequest>) -> Self::Future {
        let asked = Arc::new(request);
        Box::pin(ready(Ok(tonic::Response::new(EchoResponse {
            allowed: !asked.get_ref().permission.is_empty(),
        }))))
    }
}

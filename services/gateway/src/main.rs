//! The gateway as a process of its own.

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Usher's gateway: the one door of the suite.
#[derive(Parser)]
#[command(name = "usher-gateway", version)]
struct Flags {
    #[command(flatten)]
    process: boot::ProcessArgs,
    #[command(flatten)]
    calls: boot::CallArgs,
    #[command(flatten)]
    redis: boot::RedisArgs,
    #[command(flatten)]
    peers: boot::PeerArgs,
    #[command(flatten)]
    gateway: usher_gateway::Config,
}

fn main() -> ExitCode {
    let flags: Flags = match boot::parse() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let edge = boot::EdgeArgs {
        calls: flags.calls,
        redis: flags.redis,
        peers: flags.peers,
    };
    let config = flags.gateway;
    boot::edge(&flags.process, edge, move |edge| {
        usher_gateway::open(edge, &config)
    })
}

//! One service in a process of its own.

use std::process::ExitCode;

use clap::Parser;
use rpc::Channel;
use store::Clock;

use crate::{
    CallArgs, Known, PeerArgs, Peers, ProcessArgs, RedisArgs, Root, Service, Serving, Site,
    StoreArgs, mount::mount, parse, process,
};

/// Calls at a time on one connection: of the gateway, which has one for each of
/// its cores, and may bring all that we take at once.
const STREAMS: u32 = 4096;

/// The flags of a service of its own.
#[derive(Parser)]
#[command(version)]
struct Flags<C: clap::Args> {
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    calls: CallArgs,
    #[command(flatten)]
    peers: PeerArgs,
    #[command(flatten)]
    own: C,
}

/// Runs a service in a process of its own, from its flags to its exit code:
/// 0 after a graceful exit, 64 for bad flags, 1 for what failed.
#[must_use]
pub fn main<S: Service>() -> ExitCode {
    let flags: Flags<S::Config> = match parse() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let checked = flags.stores.check().and_then(|()| {
        let root = Root::read(&flags.stores)?;
        Ok((root, flags.redis.open()?))
    });
    let (root, redis) = match checked {
        Ok(checked) => checked,
        Err(problem) => return problem.exit(),
    };
    let Flags {
        mut process,
        stores,
        calls,
        peers,
        own,
        ..
    } = flags;
    process.http2.max_concurrent_streams.get_or_insert(STREAMS);
    process::run(S::NAME, &process, async move |tasks| {
        let site = Site {
            stores,
            redis,
            calls,
            clock: Clock::system(),
            tasks,
        };
        // Derived as in `Together`: one secret means the same alone and together.
        let root = root.of_service(S::NAME)?;
        let known = remote(&peers, S::NAME, &site.clock);
        let part = mount::<S>(&site, &root, known, own).await?;
        Ok(Serving {
            service: part.service,
            parts: vec![part.serving],
        })
    })
}

/// The services at their addresses, called as `service`.
pub(crate) fn remote(peers: &PeerArgs, service: &'static str, clock: &Clock) -> Known {
    let plain = Peers {
        identity: Channel::remote(peers.identity_uri.clone()),
        authorization: Channel::remote(peers.authorization_uri.clone()),
        invitation: Channel::remote(peers.invitation_uri.clone()),
        importer: Channel::remote(peers.importer_uri.clone()),
    };
    Known::new(service, &peers.service_key, clock, plain)
}

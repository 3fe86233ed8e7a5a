//! Logins beside what their hashing alone costs.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use testkit::{Client, refusal};
use usher_tests::sign_in;

use crate::{
    Flags,
    fleet::{Fleet, LOGINS},
    table::{Row, Table, median},
};

/// Clients that log in at the same time: enough to keep all hashing threads
/// busy.
const CLIENTS: usize = 8;

/// Logins per second beside argon2id per second with the same parameters.
pub async fn measure(fleet: &Fleet, flags: &Flags, table: &mut Table) -> Result<()> {
    let name = "password logins per second, through the gateway";
    if !table.wants(name) {
        return Ok(());
    }
    let time = Duration::from_secs(flags.seconds);
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..flags.rounds {
        ours.push(logins(fleet, time).await?);
        raw.push(tokio::task::spawn_blocking(move || hashes(time)).await?);
    }
    table.add(Row {
        name: name.into(),
        ours: median(ours),
        reference: median(raw),
        reference_name: "argon2id 19 MiB t=2 p=1, a thread per core",
        goal: ">= 0.95",
        unit: "1/s",
    });
    Ok(())
}

pub async fn logins(fleet: &Fleet, time: Duration) -> Result<f64> {
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(|number| {
        let anyone = Client::new(fleet.gateway.channel());
        let (email, secret) = fleet.people[number % LOGINS].clone();
        tokio::spawn(async move {
            let mut count = 0_u64;
            while begun.elapsed() < time {
                match sign_in(&anyone, "bench", &email, &secret).await {
                    Ok(_) => count += 1,
                    // All threads are hashing: a client comes back later.
                    Err(error)
                        if error
                            .downcast_ref()
                            .is_some_and(|status| refusal(status).retry) =>
                    {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(count)
        })
    });
    let mut count = 0;
    for client in clients.collect::<Vec<_>>() {
        count += client.await??;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Hashes per second on all cores, with memory that is used again.
fn hashes(time: Duration) -> f64 {
    let count = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                let Ok(params) = Params::new(19_456, 2, 1, Some(32)) else {
                    return;
                };
                let mut memory = vec![Block::default(); params.block_count()];
                let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                let mut out = [0; 32];
                while begun.elapsed() < time {
                    let hashed = hasher.hash_password_into_with_memory(
                        b"a bench password",
                        b"sixteen bytes sa",
                        &mut out,
                        &mut memory,
                    );
                    if hashed.is_ok() {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    count.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

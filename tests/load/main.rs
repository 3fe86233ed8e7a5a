//! `cargo dev bench`: what Usher costs, beside what the same work costs without
//! it, in one run on one machine. Says figures, judges nothing.

mod calls;
mod creations;
mod crowd;
mod echo;
mod fire;
mod fleet;
mod imports;
mod lists;
mod logins;
mod memory;
mod storm;
mod table;

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

use fleet::Fleet;
use table::Table;

/// Measures Usher beside plain references, alternating in one run, and prints
/// medians.
#[derive(Parser)]
struct Flags {
    #[command(subcommand)]
    role: Option<Role>,
    /// Only rows whose name contains this
    filter: Option<String>,
    /// One JSON object a row instead of a table
    #[arg(long)]
    json: bool,
    /// How often each pair is measured; the median is printed
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that one measurement of calls takes
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

#[derive(Subcommand)]
enum Role {
    /// The reference server: a plain tonic echo, served as Usher serves.
    #[command(hide = true)]
    Echo {
        #[arg(long)]
        listen: SocketAddr,
    },
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let outcome = match flags.role {
        Some(Role::Echo { listen }) => echo::serve(listen),
        None => measure(&flags),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the bench stopped: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn measure(flags: &Flags) -> Result<()> {
    let mut table = Table::new(flags.filter.clone(), flags.json);
    let fleet = Fleet::start().await?;
    let measured = fill(&mut table, &fleet, flags).await;
    fleet.stop().await;
    // What was measured before a fault is worth its wait too.
    table.print();
    measured
}

async fn fill(table: &mut Table, fleet: &Fleet, flags: &Flags) -> Result<()> {
    memory::at_rest(fleet, table).await?;
    calls::measure(fleet, flags, table).await?;
    logins::measure(fleet, flags, table).await?;
    storm::measure(fleet, flags, table).await?;
    creations::measure(fleet, flags, table).await?;
    imports::measure(fleet, flags, table).await?;
    lists::measure(fleet, table).await
}

//! What `cargo dev help` says.

use super::{Command, usage};
use crate::failure::Outcome;

pub(super) fn about(command: Option<&str>) -> Outcome<Command> {
    Ok(Command::Help(match command {
        None => ALL,
        Some("up") => UP,
        Some("test") => TEST,
        Some("check") => CHECK,
        Some("demo") => DEMO,
        Some("bench") => BENCH,
        Some("sqlx") => SQLX,
        Some("reset") => RESET,
        Some(other) => return Err(usage(format!("there is no command `{other}`"), None)),
    }))
}

pub(super) const ALL: &str = "\
Everything a developer of Usher does, by one command each.

Usage: cargo dev COMMAND

  up       everything running, ready to be called; Ctrl-C ends it
  test     every test, or those whose name contains a word
  check    what a review asks for: format, lints, contract, dependencies, queries
  demo     the main job on real input, step by step
  bench    measurements, beside references taken in the same run
  sqlx     write .sqlx anew, after a change of a query or a migration
  reset    forget all data; the next `up` starts afresh

`cargo dev help COMMAND` says more. Needed: Rust, and Python 3 with pip to fetch
PostgreSQL and Redis without root; else those of the system are used.
Everything is kept in .dev/, which git ignores.";

const UP: &str = "\
Everything running: PostgreSQL, Redis, a mail catcher, Usher, a demo tenant.

Usage: cargo dev up [OPTIONS]

  --separate           one process per service, each restarted when it ends;
                       otherwise all services are in one process
  --gateway-port PORT  where callers connect; default 8080, or any free one
  --postgres URL       use this PostgreSQL (an administrator of an own database)
  --redis URL          use this Redis or Valkey
  --smtp URL           send mail there instead of catching it

Examples:
  cargo dev up
  cargo dev up --separate --gateway-port 9000
  cargo dev up --postgres postgres://me:secret@db.test/usher --redis redis://cache.test";

const TEST: &str = "\
Every test, in parallel, each on a database of its own.

Usage: cargo dev test [WORD]... [-- NEXTEST-OPTIONS]

The last line is `N passed, N failed`, with `, N skipped` when some were.

Examples:
  cargo dev test
  cargo dev test lockout
  cargo dev test -- --package usher-identity --no-capture";

const CHECK: &str = "\
What a review asks for. Every step is run, even when one before it failed.

Usage: cargo dev check

Steps: format, clippy, the contract's lint, the contract's compatibility with the
last commit on main, licences and bans of dependencies, unused dependencies,
whether .sqlx is fresh.";

const DEMO: &str = "\
The main job on real input: from a file of people to a person who is let in.
Uses the `cargo dev up` that runs, else starts one for itself.

Usage: cargo dev demo [OPTIONS OF THE DEMO]";

const BENCH: &str = "\
Measurements, each beside a reference taken in the same run.

Usage: cargo dev bench [WORD] [--json]

Examples:
  cargo dev bench
  cargo dev bench check --json";

const SQLX: &str = "\
Writes .sqlx anew from the queries in the code and the migrations. Needed after a
change to either; commit the result.

Usage: cargo dev sqlx";

const RESET: &str = "\
Forgets databases, mail, logs, credentials and keys. Fetched programs stay.

Usage: cargo dev reset";

//! `cargo dev`: Usher running, tested, checked, shown and measured, by one command each.
//!
//! Owned here: fetching or finding PostgreSQL, Redis and a few programs; private instances of them;
//! starting and stopping Usher's own processes; the steps of a review. Everything it makes is under
//! the git-ignored `.dev/` (and, for root in a place others cannot enter, under `/var/tmp`).
//! Never done here: anything that Usher itself needs in production.

mod args;
mod bench;
mod build;
mod check;
mod cluster;
mod demo;
mod environment;
mod failure;
mod interrupt;
mod json;
mod log;
mod paths;
mod process;
mod reset;
mod run;
mod say;
mod secrets;
mod session;
mod sqlx;
mod state;
mod test;
mod tools;
mod unprivileged;
mod up;

use std::process::ExitCode;

use args::Command;
use failure::Outcome;
use paths::Paths;

fn main() -> ExitCode {
    match command() {
        Ok(code) => code,
        Err(failure) => {
            say::failure(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn command() -> Outcome<ExitCode> {
    let command = args::parse(&environment::arguments())?;
    if let Command::Help(text) = command {
        say::plain(text);
        return Ok(ExitCode::SUCCESS);
    }
    interrupt::listen()?;
    let paths = Paths::find()?;
    match command {
        Command::Help(_) => {}
        Command::Up(options) => up::run(&paths, &options)?,
        Command::Test(options) => return test::run(&paths, &options),
        Command::Check => return check::run(&paths),
        Command::Demo(rest) => return demo::run(&paths, &rest),
        Command::Bench(rest) => return bench::run(&paths, &rest),
        Command::Sqlx => sqlx::run(&paths)?,
        Command::Reset => reset::run(&paths)?,
    }
    Ok(ExitCode::SUCCESS)
}

//! `cargo dev bench`: measurements on a release build and throwaway servers.

use std::process::{Command, ExitCode};

use crate::build;
use crate::failure::Outcome;
use crate::paths::Paths;
use crate::run;
use crate::session::Session;
use crate::test::Ground;

pub(crate) fn run(paths: &Paths, rest: &[String]) -> Outcome<ExitCode> {
    let session = Session::open(paths)?;
    build::build(
        paths,
        &[
            "--release",
            "-p",
            "usher-tests",
            "-p",
            "usher-suite",
            "-p",
            "usher-usherctl",
            "--bins",
        ],
    )?;
    let ground = Ground::prepare(paths, &session, "release")?;
    let mut bench = Command::new(paths.built("release")?.join("bench"));
    ground.tell(bench.args(rest).current_dir(paths.root()));
    let status = run::status(&mut bench)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

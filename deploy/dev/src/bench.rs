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
    let wanted = [
        "tests",
        "usherctl",
        "identity",
        "authorization",
        "invitation",
        "importer",
        "gateway",
    ];
    let names = wanted.map(|name| format!("usher-{name}"));
    let packages = names.iter().flat_map(|name| ["-p", name.as_str()]);
    let build: Vec<_> = ["--release", "--bins"]
        .into_iter()
        .chain(packages)
        .collect();
    build::build(paths, &build)?;
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

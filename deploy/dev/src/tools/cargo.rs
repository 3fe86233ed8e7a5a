//! Programs that cargo builds: the test runner, and what looks at dependencies.

use std::path::PathBuf;
use std::process::Command;

use crate::build;
use crate::failure::Outcome;
use crate::paths::Paths;
use crate::run;
use crate::say::Step;

/// One version of one cargo command.
#[derive(Debug)]
pub(crate) struct Cargo {
    package: &'static str,
    version: &'static str,
}

impl Cargo {
    pub(crate) const NEXTEST: Self = Self {
        package: "cargo-nextest",
        version: "0.9.143",
    };
    pub(crate) const DENY: Self = Self {
        package: "cargo-deny",
        version: "0.20.2",
    };
    pub(crate) const MACHETE: Self = Self {
        package: "cargo-machete",
        version: "0.9.2",
    };
}

/// The program of a cargo command. One that is installed already will do; else it is built, which
/// takes some minutes, once.
pub(crate) fn installed(paths: &Paths, wanted: &Cargo) -> Outcome<PathBuf> {
    let root = paths.dev("cargo");
    let own = root.join("bin").join(wanted.package);
    if is_version(&own, wanted.version) {
        return Ok(own);
    }
    if let Some(system) = run::which(wanted.package).filter(runs) {
        return Ok(system);
    }
    let step = Step::long(format!(
        "building {} {} (once)",
        wanted.package, wanted.version
    ));
    let mut cargo = build::cargo(paths);
    cargo.args([
        "install",
        "--quiet",
        "--locked",
        "--force",
        wanted.package,
        "--version",
        wanted.version,
        "--root",
    ]);
    run::done(cargo.arg(root))?;
    step.done();
    Ok(own)
}

fn is_version(program: &PathBuf, version: &str) -> bool {
    let said = run::output(Command::new(program).arg("--version"));
    said.is_ok_and(|said| said.split_whitespace().any(|word| word == version))
}

fn runs(program: &PathBuf) -> bool {
    run::output(Command::new(program).arg("--version")).is_ok()
}

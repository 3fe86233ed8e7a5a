//! Python: it fetches packages, and runs the test of a foreign client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, MISSING, Outcome};
use crate::paths::{self, Paths};
use crate::run;
use crate::say::Step;

/// What the test of a Python client needs.
const CLIENT: &str = "grpcio==1.85.1\ngrpcio-tools==1.85.1\nprotobuf==7.36.2\n";

pub(super) fn interpreter() -> Option<PathBuf> {
    ["python3", "python"]
        .into_iter()
        .filter_map(run::which)
        .find(|python| {
            let asked = run::output(
                Command::new(python).args(["-c", "import sys; print(sys.version_info >= (3, 9))"]),
            );
            asked.is_ok_and(|answer| answer.trim() == "True")
        })
}

/// A way to run pip.
#[derive(Debug)]
pub(super) struct Pip(Vec<PathBuf>);

impl Pip {
    pub(super) fn find(paths: &Paths) -> Outcome<Self> {
        let module = |python: PathBuf| Self(vec![python, "-m".into(), "pip".into()]);
        // The last one is made only when it is asked for.
        let ways: [&dyn Fn() -> Option<Self>; 3] = [
            &|| interpreter().map(module),
            &|| run::which("pip3").map(|pip| Self(vec![pip])),
            &|| own_environment(&paths.dev("pip")).map(module),
        ];
        let works = |pip: &Self| run::output(pip.command().arg("--version")).is_ok();
        let found = ways.iter().find_map(|way| way().filter(works));
        found.ok_or_else(|| Failure::new("there is no Python 3 with pip"))
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]);
        command
    }
}

/// The interpreter of a virtual environment, made when it is not there; none where Python cannot.
fn own_environment(dir: &Path) -> Option<PathBuf> {
    let python = dir.join("bin/python");
    if !python.is_file() {
        run::output(Command::new(interpreter()?).args(["-m", "venv"]).arg(dir)).ok()?;
    }
    Some(python)
}

/// The interpreter of an environment with what a generated Python client needs.
pub(crate) fn venv(paths: &Paths) -> Outcome<PathBuf> {
    let dir = paths.dev("python");
    let stamp = dir.join("installed");
    let python = dir.join("bin/python");
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == CLIENT) {
        return Ok(python);
    }
    let step = Step::long("fetching gRPC for Python (grpcio-tools, 10 MB)");
    paths::remove(&dir)?;
    let base = interpreter().ok_or_else(|| Failure::new("there is no Python 3"));
    let made = base.and_then(|base| run::output(Command::new(base).args(["-m", "venv"]).arg(&dir)));
    made.map_err(|failure| {
        failure
            .advise("Install Python 3 with venv (Debian: apt-get install python3-venv).")
            .exit(MISSING)
    })?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]);
    run::output(pip.args(CLIENT.lines()))?;
    fs::write(&stamp, CLIENT).doing("write a stamp")?;
    step.done();
    Ok(python)
}

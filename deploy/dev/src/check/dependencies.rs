//! What others wrote: may it be used, is it known to be unsafe, is it used at all.

use std::process::Command;

use super::Verdict;
use crate::failure::Outcome;
use crate::paths::Paths;
use crate::run;
use crate::tools::{self, Cargo};

pub(super) fn licences_and_bans(paths: &Paths) -> Outcome<Verdict> {
    run::done(deny_command(paths)?.args([
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))?;
    Ok(Verdict::Passed)
}

pub(super) fn advisories(paths: &Paths) -> Outcome<Verdict> {
    let mut fresh = deny_command(paths)?;
    fresh.args(["check", "--hide-inclusion-graph", "advisories"]);
    let Err(failure) = run::output(&mut fresh) else {
        return Ok(Verdict::Passed);
    };
    let said = failure.advice().unwrap_or_default();
    if !said.contains("advisory database") || !said.contains("fetch") {
        return Err(failure);
    }
    // Out of reach of the network, an older copy is better than none.
    let mut kept = deny_command(paths)?;
    kept.args(["--offline", "check", "--hide-inclusion-graph", "advisories"]);
    match run::output(&mut kept) {
        Ok(_) => Ok(Verdict::PassedOn(
            "by an older copy of the database".to_owned(),
        )),
        Err(failure) if failure.advice().unwrap_or_default().contains("advisory-db") => Ok(
            Verdict::Skipped("the advisory database cannot be fetched from here".to_owned()),
        ),
        Err(failure) => Err(failure),
    }
}

pub(super) fn unused(paths: &Paths) -> Outcome<Verdict> {
    let program = tools::installed(paths, &Cargo::MACHETE)?;
    run::output(Command::new(program).current_dir(paths.root()).arg("."))?;
    Ok(Verdict::Passed)
}

fn deny_command(paths: &Paths) -> Outcome<Command> {
    let program = tools::installed(paths, &Cargo::DENY)?;
    let mut deny = Command::new(program);
    deny.current_dir(paths.root())
        .args(["--log-level", "error"]);
    Ok(deny)
}

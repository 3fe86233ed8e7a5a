//! `cargo dev check`: what a review asks for. Every step is run, even when one before it failed.

mod contract;
mod dependencies;

use std::process::ExitCode;

use crate::build;
use crate::failure::{INTERRUPTED, Outcome};
use crate::paths::Paths;
use crate::run;
use crate::say::{self, Colour, Step, paint, seconds};
use crate::sqlx;

/// How a step that did not fail ended.
enum Verdict {
    Passed,
    /// Passed, and what that says more exactly.
    PassedOn(String),
    /// Not done, and why.
    Skipped(String),
}

type Check = (&'static str, fn(&Paths) -> Outcome<Verdict>);

const STEPS: [Check; 8] = [
    ("format", format),
    ("contract: buf lint", contract::lint),
    ("contract: buf breaking", contract::breaking),
    ("clippy", clippy),
    (
        "dependencies: licences, bans, sources",
        dependencies::licences_and_bans,
    ),
    ("dependencies: advisories", dependencies::advisories),
    ("dependencies: unused", dependencies::unused),
    (".sqlx fresh", queries),
];

pub(crate) fn run(paths: &Paths) -> Outcome<ExitCode> {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, check) in STEPS {
        say::heading(name);
        let step = Step::quick(name);
        let verdict = check(paths);
        let time = paint(Colour::Dim, seconds(step.elapsed()));
        match verdict {
            Ok(Verdict::Passed) => {
                passed += 1;
                say::plain(format!("{} {name} {time}", paint(Colour::Green, "✓")));
            }
            Ok(Verdict::PassedOn(what)) => {
                passed += 1;
                say::plain(format!(
                    "{} {name}, {what} {time}",
                    paint(Colour::Green, "✓")
                ));
            }
            Ok(Verdict::Skipped(why)) => {
                skipped += 1;
                say::warning(format!("{name}: skipped, {why}"));
            }
            Err(failure) if failure.code() == INTERRUPTED => return Err(failure),
            Err(failure) => {
                failed += 1;
                say::bad(format!("{name} {time}: {}", failure.message()));
                failure.advice().into_iter().for_each(say::plain);
            }
        }
    }
    let also = if skipped > 0 {
        format!(", {skipped} skipped")
    } else {
        String::new()
    };
    say::plain(format!("\n{passed} passed, {failed} failed{also}"));
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn format(paths: &Paths) -> Outcome<Verdict> {
    let checked = run::done(build::cargo(paths).args(["fmt", "--all", "--check", "--", "-l"]));
    checked
        .map(|()| Verdict::Passed)
        .map_err(|failure| failure.advise("Run `cargo fmt --all`."))
}

fn clippy(paths: &Paths) -> Outcome<Verdict> {
    run::done(build::cargo(paths).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Verdict::Passed)
}

fn queries(paths: &Paths) -> Outcome<Verdict> {
    sqlx::must_be_fresh(paths)?;
    Ok(Verdict::Passed)
}

//! Building Usher's own programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::environment;
use crate::failure::{Doing, Outcome};
use crate::paths::Paths;
use crate::run;
use crate::say::Step;

/// `cargo` in the repository. Queries are checked against the committed `.sqlx`, never a database
/// that happens to be in the shell's environment.
pub(crate) fn cargo(paths: &Paths) -> Command {
    let mut cargo =
        Command::new(environment::variable("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    cargo.current_dir(paths.root()).env("SQLX_OFFLINE", "true");
    // Set by the `cargo run` that started us; a build script that sees them change runs again.
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        cargo.env_remove(name);
    }
    cargo
}

/// Builds with cargo's own progress on the terminal.
pub(crate) fn build(paths: &Paths, arguments: &[&str]) -> Outcome {
    let step = Step::quick(format!("cargo build {}", arguments.join(" ")));
    run::done(cargo(paths).arg("build").args(arguments))?;
    step.done();
    Ok(())
}

/// The same for our own Postgres, unless this very program has done it: `stamp` tells which did last.
pub(crate) fn migrate_once(
    usherctl: &Path,
    postgres: &str,
    password: &str,
    stamp: &Path,
) -> Outcome {
    let doing = format!("look at {}", usherctl.display());
    let found = fs::metadata(usherctl).doing(&doing)?;
    let now = format!("{:?} {}", found.modified().doing(&doing)?, found.len());
    if fs::read_to_string(stamp).is_ok_and(|last| last == now) {
        return Ok(());
    }
    migrate(usherctl, postgres, password)?;
    fs::write(stamp, now).doing(format_args!("write {}", stamp.display()))
}

/// Makes Postgres ready for Usher: roles, schemas, tables.
pub(crate) fn migrate(usherctl: &Path, postgres: &str, password: &str) -> Outcome {
    let step = Step::quick("database up to date");
    let mut usherctl = Command::new(usherctl);
    run::output(
        usherctl
            .arg("migrate")
            .env("USHER_MIGRATE_URL", postgres)
            .env("USHER_ROLE_PASSWORD", password),
    )
    .map_err(|failure| {
        failure.hint("Data of an older version? `cargo dev reset` forgets it; then `cargo dev up`.")
    })?;
    step.done();
    Ok(())
}

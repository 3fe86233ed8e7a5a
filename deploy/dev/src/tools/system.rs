//! Servers that the system has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;
use crate::say::Step;
use crate::unprivileged;

/// The oldest PostgreSQL that Usher runs on.
const OLDEST: u32 = 15;

/// A program of PostgreSQL: Debian keeps them out of the search path, in a folder for each version.
pub(super) fn postgres(name: &str) -> Option<PathBuf> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    for (above, below) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
    ] {
        let entries = fs::read_dir(above)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let versions = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("postgresql@") || name.chars().all(|c| c.is_ascii_digit())
        });
        dirs.extend(versions.map(|entry| entry.path().join(below)));
    }
    // A folder counts when all of PostgreSQL is in it, so that every program is of one version.
    let newest = dirs
        .into_iter()
        .filter_map(|dir| Some((version(&dir.join("postgres"))?, dir)))
        .max();
    let found = newest.map(|(_, dir)| dir).or_else(|| {
        let program = run::which("postgres")?;
        version(&program)?;
        program.parent().map(Path::to_owned)
    });
    found
        .map(|dir| dir.join(name))
        .filter(|program| program.is_file())
}

/// The major version, when it is new enough.
fn version(postgres: &Path) -> Option<u32> {
    let said = run::output(Command::new(postgres).arg("--version")).ok()?;
    major(&said).filter(|version| *version >= OLDEST)
}

/// `18` of `postgres (PostgreSQL) 18.6 (Debian 18.6-1)`
pub(crate) fn major(said: &str) -> Option<u32> {
    let digits = |word: &str| {
        word.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    said.split_whitespace()
        .find_map(|word| digits(word).parse().ok())
}

/// Redis, by either name.
pub(super) fn redis(_name: &str) -> Option<PathBuf> {
    run::which("valkey-server").or_else(|| run::which("redis-server"))
}

/// Installs both on a Debian whose root we are. False where that cannot be done.
pub(super) fn install() -> bool {
    let debian = unprivileged::is_root() && Path::new("/etc/debian_version").is_file();
    let Some(apt) = run::which("apt-get").filter(|_| debian) else {
        return false;
    };
    let step = Step::long("installing postgresql and redis-server from Debian");
    let quiet = |arguments: &[&str]| {
        run::output(
            Command::new(&apt)
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    let list = [
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        "postgresql",
        "redis-server",
    ];
    let installed = quiet(&["update", "--quiet"])
        .and_then(|_| quiet(&list))
        .is_ok();
    if installed {
        step.done();
    }
    installed
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major("postgres (PostgreSQL) 18.6\n"), Some(18));
        assert_eq!(
            major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major("nonsense"), None);
    }
}

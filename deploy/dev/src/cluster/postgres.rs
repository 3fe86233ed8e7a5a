//! A PostgreSQL of our own, on a free loopback port, behind a password.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Kept, end, free_port};
use crate::failure::{Doing, Failure, Outcome};
use crate::interrupt;
use crate::paths::{self, Paths};
use crate::process::{Recipe, Running, Signal, runs};
use crate::run;
use crate::say::Step;
use crate::session::Session;
use crate::tools::{Programs, major_version};

/// The administrator of our own server.
const ADMIN: &str = "usher_admin";
/// The longest recovery after a `kill -9` that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Another process may take the free port between finding and using it.
const ATTEMPTS: u32 = 4;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Postgres {
    running: Option<Running>,
    programs: Programs,
    port: u16,
    password: String,
}

impl Postgres {
    /// Starts a server on the data in `dir/postgres`, which is made when it is not there.
    pub(crate) fn start(
        paths: &Paths,
        session: &Session,
        programs: &Programs,
        dir: &Path,
        password: &str,
        kept: Kept,
    ) -> Outcome<Self> {
        let said = run::output(Command::new(programs.path("postgres")).arg("--version"))?;
        let major = major_version(&said)
            .ok_or_else(|| Failure::new(format!("unknown PostgreSQL: {said}")))?;
        let data = dir.join("postgres");
        let place = Place {
            paths,
            programs,
            data: &data,
            major,
            kept,
        };
        if !data.is_dir() {
            let step = Step::quick("PostgreSQL: new data");
            place.initialise(dir, password)?;
            step.done();
        }
        forget_stale_lock(&data);
        let step = Step::quick("PostgreSQL");
        let mut attempt = 1;
        let (running, port) = loop {
            match place.serve(session) {
                Err(failure) if attempt == ATTEMPTS || interrupt::requested() => {
                    return Err(failure);
                }
                Err(_) => {
                    // What a `kill -9` left of the one before may need a moment to notice.
                    attempt += 1;
                    interrupt::wait_until(BETWEEN_ATTEMPTS, || Ok(false))?;
                }
                Ok(served) => break served,
            }
        };
        step.done();
        Ok(Self {
            running: Some(running),
            programs: programs.clone(),
            port,
            password: password.to_owned(),
        })
    }

    /// The address of a database, as administrator.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{ADMIN}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// Makes a database; one that is there is left as it is.
    pub(crate) fn database(&self, name: &str) -> Outcome {
        let there = self.ask(&format!(
            "SELECT 1 FROM pg_database WHERE datname = '{name}'"
        ))?;
        if there.trim() != "1" {
            self.ask(&format!("CREATE DATABASE {name}"))?;
        }
        Ok(())
    }

    pub(crate) fn running(&mut self) -> Option<&mut Running> {
        self.running.as_mut()
    }

    pub(crate) fn stop(&mut self) {
        end(&mut self.running);
    }

    pub(super) fn ask(&self, sql: &str) -> Outcome<String> {
        let mut psql = Command::new(self.programs.path("psql"));
        psql.args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set",
            "ON_ERROR_STOP=1",
            "--command",
            sql,
        ]);
        psql.env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string());
        psql.env("PGUSER", ADMIN)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", "postgres");
        run::output(&mut psql)
    }
}

/// Where a server is started, and how.
struct Place<'a> {
    paths: &'a Paths,
    programs: &'a Programs,
    data: &'a Path,
    major: u32,
    kept: Kept,
}

impl Place<'_> {
    /// Makes the data so that it is there whole, or not at all.
    fn initialise(&self, dir: &Path, password: &str) -> Outcome {
        paths::make(dir)?;
        let unfinished = dir.join("postgres.part");
        paths::remove(&unfinished)?;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&unfinished)
            .doing("make a folder for PostgreSQL")?;
        let password_file = dir.join("password.part");
        crate::secrets::write_private(&password_file, password)?;
        let mut initdb = Command::new(self.programs.path("initdb"));
        initdb
            .arg("--pgdata")
            .arg(&unfinished)
            .arg("--pwfile")
            .arg(&password_file);
        initdb.args([
            "--username",
            ADMIN,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--no-sync",
        ]);
        initdb.args(if self.major >= 17 {
            // Unicode rules of its own, alike on every system.
            &[
                "--locale",
                "C",
                "--locale-provider",
                "builtin",
                "--builtin-locale",
                "C.UTF-8",
            ][..]
        } else {
            &["--locale", "C.UTF-8"]
        });
        if self.major >= 16 {
            initdb.args(["--set", FAST_PASSWORDS]);
        }
        if let Some(user) = self.paths.user() {
            user.owns(&unfinished)?;
            user.owns(&password_file)?;
            user.runs(initdb.current_dir("/"));
        }
        let made = run::output(&mut initdb);
        drop(fs::remove_file(&password_file));
        made?;
        if self.kept == Kept::No {
            fs::write(unfinished.join("pg_hba.conf"), TEST_LOGINS).doing("write pg_hba.conf")?;
        }
        fs::rename(&unfinished, self.data).doing("put PostgreSQL's data in place")
    }

    fn serve(&self, session: &Session) -> Outcome<(Running, u16)> {
        let port = free_port(None)?;
        let mut running = self.recipe(port).start(session)?;
        let is_ready = interrupt::wait_until(PATIENCE, || {
            running.must_run()?;
            Ok(self.says_ready(&running))
        })?;
        if !is_ready {
            let advice = format!("See {}.", running.recipe().log.display());
            return Err(Failure::new("PostgreSQL does not get ready").advise(advice));
        }
        Ok((running, port))
    }

    /// The lock file tells whose it is in its first line, and how far it is in its last. A try to
    /// connect would not tell who answers: the port may have gone to another in the meantime.
    fn says_ready(&self, running: &Running) -> bool {
        let lock = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = lock.lines().map(str::trim);
        lines.next() == Some(&running.pid().to_string()) && lines.next_back() == Some("ready")
    }

    fn recipe(&self, port: u16) -> Recipe {
        let name = if self.kept == Kept::Yes {
            "postgres"
        } else {
            "postgres-throwaway"
        };
        let mut recipe = Recipe::new(name, self.programs.path("postgres"), self.paths.log(name));
        recipe.user = self.paths.user();
        // "Fast shutdown": clients are hung up on, nothing is lost.
        recipe.stop = Signal::Interrupt;
        recipe.marker = self.data.to_string_lossy().into_owned();
        recipe = recipe.argument("-D").argument(self.data);
        for setting in self.settings(port) {
            recipe = recipe.argument("-c").argument(setting);
        }
        recipe
    }

    fn settings(&self, port: u16) -> Vec<String> {
        let mut settings = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            // No socket file that could be left behind, or whose path could be too long.
            "unix_socket_directories=".to_owned(),
            // /dev/shm is small in many containers, and nothing here gains from parallel queries.
            "max_parallel_workers_per_gather=0".to_owned(),
            "shared_buffers=128MB".to_owned(),
        ];
        settings.extend((self.major >= 16).then(|| FAST_PASSWORDS.to_owned()));
        match self.kept {
            Kept::Yes => settings.push("max_connections=200".to_owned()),
            Kept::No => {
                let fast = [
                    "max_connections=400",
                    "fsync=off",
                    "synchronous_commit=off",
                    "full_page_writes=off",
                ];
                settings.extend(fast.map(str::to_owned));
                // Hundreds of databases come and go; checkpoints for them would be the most of the work.
                settings.extend(["max_wal_size=8GB", "checkpoint_timeout=1h"].map(str::to_owned));
            }
        }
        settings
    }
}

/// Tests make roles of their own, which may log in without a password; the administrator may not.
const TEST_LOGINS: &str =
    "host all usher_admin 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";

/// Slow hashes protect passwords that people think of. Ours are random, and a debug build would spend
/// its start, and tests all of their time, on hashing them for each connection.
const FAST_PASSWORDS: &str = "scram_iterations=1";

/// PostgreSQL will not start while the process in its lock file runs, and after a crash of the
/// machine that number may be another program's. The lock of a PostgreSQL, running or ended, is left
/// alone: it knows best whether its data is still in use.
fn forget_stale_lock(data: &Path) {
    let lock = data.join("postmaster.pid");
    let text = fs::read_to_string(&lock).unwrap_or_default();
    let pid: Option<u32> = text.lines().next().and_then(|pid| pid.parse().ok());
    if pid.is_some_and(|pid| runs(pid, "") && !runs(pid, "postgres")) {
        drop(fs::remove_file(&lock));
    }
}

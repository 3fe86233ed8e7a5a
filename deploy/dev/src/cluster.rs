//! The servers Usher stores in: private ones of this checkout, or ones that already run.

mod postgres;
mod redis;

use std::net::{Ipv4Addr, TcpListener};

pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;

use crate::failure::{Doing, Outcome};
use crate::paths::Paths;
use crate::process::Running;
use crate::session::Session;
use crate::tools::Programs;

/// Whether what is stored outlives the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As in production: nothing that was committed is lost.
    Yes,
    /// Faster, and gone when the session ends.
    No,
}

/// Both servers, for tests and measurements: thrown away at the end. Redis ends first.
#[derive(Debug)]
pub(crate) struct Throwaway {
    pub(crate) redis: Redis,
    pub(crate) postgres: Postgres,
    pub(crate) programs: Programs,
    data: std::path::PathBuf,
}

impl Throwaway {
    pub(crate) fn start(paths: &Paths, session: &Session) -> Outcome<Self> {
        let programs = Programs::servers(paths)?;
        let data = session.throwaway(paths);
        let password = crate::secrets::fresh_password()?;
        let postgres = Postgres::start(paths, session, &programs, &data, &password, Kept::No)?;
        let redis = Redis::start(paths, session, &programs, &data, &password)?;
        Ok(Self {
            redis,
            postgres,
            programs,
            data,
        })
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        self.redis.stop();
        self.postgres.stop();
        // What is left is removed with the next session.
        drop(std::fs::remove_dir_all(&self.data));
    }
}

/// A port nobody listens on now; the wanted one if it is free.
pub(crate) fn free_port(wanted: Option<u16>) -> Outcome<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = wanted
        .and_then(|port| bind(port).ok())
        .map_or_else(|| bind(0), Ok);
    Ok(listener
        .and_then(|listener| listener.local_addr())
        .doing("find a free port")?
        .port())
}

/// Takes a process out of its place, which ends it.
fn end(process: &mut Option<Running>) {
    drop(process.take());
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::{Duration, Instant};
    use std::{env, fs, process};

    use super::*;
    use crate::environment;

    /// A checkout of its own, with the programs that `cargo dev test` has fetched.
    struct Checkout(PathBuf);

    impl Checkout {
        fn new(name: &str) -> Self {
            let root = env::temp_dir().join(format!("usher-dev-test-{name}-{}", process::id()));
            let programs = environment::variable("USHER_DEV_BIN_DIR");
            let programs = PathBuf::from(programs.expect("run the tests with `cargo dev test`"));
            let (own, fetched) = (
                root.join(".dev/tools"),
                programs.parent().expect("the tools"),
            );
            fs::create_dir_all(&own).expect("a folder");
            let entries = fs::read_dir(fetched)
                .expect("the tools")
                .filter_map(Result::ok);
            // All but the links to what is in use: those are made anew, and differ from place to place.
            for entry in entries.filter(|entry| entry.file_name() != "bin") {
                std::os::unix::fs::symlink(entry.path(), own.join(entry.file_name()))
                    .expect("a link");
            }
            Self(root)
        }

        fn start(&self, session: &Session) -> Postgres {
            let paths = Paths::of(&self.0).expect("paths");
            let programs = Programs::servers(&paths).expect("programs");
            Postgres::start(
                &paths,
                session,
                &programs,
                &paths.data(),
                "secret",
                Kept::Yes,
            )
            .expect("a server")
        }

        fn session(&self) -> Session {
            Session::open(&Paths::of(&self.0).expect("paths")).expect("a session")
        }
    }

    impl Drop for Checkout {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn a_killed_run_does_not_block_the_next_which_is_quick_and_has_the_data() {
        let checkout = Checkout::new("killed");
        let session = checkout.session();
        let postgres = checkout.start(&session);
        postgres.database("kept").expect("a database");
        // As after `kill -9`: nothing was stopped, and who holds the session is no more.
        let sessions = checkout.0.join(".dev/run");
        fs::rename(sessions.join(process::id().to_string()), sessions.join("0"))
            .expect("another holder");
        fs::write(sessions.join("0/holder"), "0\nnobody").expect("another holder");
        std::mem::forget((session, postgres));

        let begin = Instant::now();
        let session = checkout.session();
        let postgres = checkout.start(&session);
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "it took {:?}",
            begin.elapsed()
        );
        let names = postgres
            .ask("SELECT datname FROM pg_database")
            .expect("an answer");
        assert!(names.lines().any(|name| name == "kept"), "{names}");
    }

    #[test]
    fn a_run_that_lives_is_left_alone() {
        assert!(crate::process::runs(
            process::id(),
            &crate::process::own_marker()
        ));
        assert!(!crate::process::runs(process::id(), "another program"));
    }

    #[test]
    fn a_lock_that_names_another_program_does_not_block() {
        let checkout = Checkout::new("lock");
        let session = checkout.session();
        drop(checkout.start(&session));
        let lock = checkout.0.join(".dev/data/postgres/postmaster.pid");
        fs::write(lock, format!("{}\n/elsewhere\n", process::id())).expect("a lock");
        checkout.start(&session);
    }
}
